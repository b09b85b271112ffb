/// Parts of a path as text, as POSIX's `dirname` and `basename` have them.
///
/// Foundation's own crashes on a path of one character (seen with Swift 6.3.1 on Linux).
public enum PathName {
    /// The folder that a path lies in: `.` for a name alone, `/` for what lies in the root.
    public static func parent(of path: String) -> String {
        let trimmed = withoutTrailingSlashes(path)
        guard let slash = trimmed.lastIndex(of: "/") else { return trimmed.isEmpty && path.hasPrefix("/") ? "/" : "." }
        let parent = withoutTrailingSlashes(trimmed[..<slash])
        return parent.isEmpty ? "/" : String(parent)
    }

    /// The last name of a path; empty for the root.
    public static func last(of path: String) -> String {
        let trimmed = withoutTrailingSlashes(path)
        return trimmed.lastIndex(of: "/").map { String(trimmed[trimmed.index(after: $0)...]) } ?? String(trimmed)
    }

    /// A name from outside for a message: short, on one line.
    public static func printable(_ name: String) -> String {
        String(name.unicodeScalars.prefix(120).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) })
    }

    private static func withoutTrailingSlashes(_ path: some StringProtocol) -> Substring {
        var rest = Substring(path)
        while rest.last == "/" { rest.removeLast() }
        return rest
    }
}
