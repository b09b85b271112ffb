/// Names that FAT and exFAT can have, as sticks are sold: without some signs, and the same in capitals.
enum FATNames {
    private static let forbidden: Set<Character> = ["\"", "*", ":", "<", ">", "?", "\\", "|"]
    private static let devices: Set<String> = Set(
        ["CON", "PRN", "AUX", "NUL"] + (1...9).flatMap { ["COM\($0)", "LPT\($0)"] })
    private static let characterCountMax = 255

    /// What the first path is that such a file system cannot have, and why; `nil` when it can have all.
    static func problem(in paths: [String]) -> String? {
        var seen: [String: String] = [:]
        for path in paths {
            for name in path.split(separator: "/") {
                if let reason = reason(against: name) { return "'\(path)': \(reason)" }
            }
            var whole = ""
            for name in path.split(separator: "/") {
                whole += "/\(name)"
                if let other = seen.updateValue(whole, forKey: whole.lowercased()), other != whole {
                    return "'\(path)': it tells no capitals, and '\(other.dropFirst())' is there too"
                }
            }
        }
        return nil
    }

    private static func reason(against name: Substring) -> String? {
        if let sign = name.first(where: { forbidden.contains($0) || $0.asciiValue.map { $0 < 0x20 } ?? false }) {
            return
                "no name may have \(sign.asciiValue.map { $0 < 0x20 } ?? false ? "a control character" : "'\(sign)'")"
        }
        if name.hasSuffix(".") || name.hasSuffix(" ") { return "no name may end in a dot or a space" }
        if name.utf16.count > characterCountMax { return "no name may be longer than \(characterCountMax) characters" }
        // Windows, which the stick may see next, takes them for devices.
        if devices.contains(name.prefix { $0 != "." }.uppercased()) { return "'\(name)' is a device on Windows" }
        return nil
    }
}
