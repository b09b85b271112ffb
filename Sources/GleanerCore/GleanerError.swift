#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An operating failure: what went wrong with which thing, and what to do about it.
///
/// Every library throws this one type and adds its own ``Code`` values in an extension, so that a person reads
/// one kind of message and a script matches one set of codes. Programmer errors trap instead.
///
/// Messages never carry secrets or picture content.
public struct GleanerError: Error, Sendable, CustomStringConvertible {
    /// A stable, lower-case name for scripts and counters, such as `picture.truncated`.
    public struct Code: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public init(_ rawValue: String) { self.rawValue = rawValue }
        public var description: String { rawValue }
    }

    /// Which failure this is, for scripts.
    public var code: Code
    /// What failed and which thing: a sentence without a full stop, starting in lower case.
    public var message: String
    /// What the reader can do about it; empty when nothing can be done.
    public var remedy: String
    /// The failure underneath, if another one led to this.
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String, remedy: String = "", cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.cause = cause
    }

    /// The message, then the cause, then the remedy, each on a line of its own.
    public var description: String {
        var lines = [message]
        if let cause { lines.append("  because: \(cause)") }
        if !remedy.isEmpty { lines.append("  try: \(remedy)") }
        return lines.joined(separator: "\n")
    }
}

extension GleanerError.Code {
    /// A file or folder could not be read, written or flushed.
    public static let fileSystem = Self("file.system")
    /// A document is not what its schema says.
    public static let malformed = Self("document.malformed")
    /// A name is not registered.
    public static let unknownName = Self("name.unknown")
    /// What was asked for is not there.
    public static let notFound = Self("not.found")
}

extension GleanerError {
    /// A failed call of the operating system: `verb` names the step, such as `cannot open`.
    public static func system(_ verb: String, _ path: String, errno code: Int32, remedy: String = "") -> GleanerError {
        GleanerError(
            .fileSystem, "\(verb) \(path): \(String(cString: strerror(code)))",
            remedy: remedy.isEmpty ? self.remedy(for: code) : remedy)
    }

    private static func remedy(for code: Int32) -> String {
        switch code {
        case ENOSPC, EDQUOT: "the disk is full: free space on it, or use another"
        case EROFS: "the disk is mounted read-only: remount it, or use another"
        case EACCES, EPERM: "give this user the right to do that"
        default: ""
        }
    }
}
