public import GleanerCore

extension GleanerError.Code {
    /// The path holds no bundle, or the bundle lacks a file.
    public static let bundleMissing = Self("bundle.missing")
    /// The archive is damaged, compressed or not a tar.
    public static let bundleArchive = Self("bundle.archive")
    /// The bundle holds something that no bundle may: a link, a device, a path that leads out, …
    public static let bundleEntry = Self("bundle.entry")
    /// The bundle is larger than what is allowed.
    public static let bundleSize = Self("bundle.size")
    /// `model.json` is not what its schema says.
    public static let bundleManifest = Self("bundle.manifest")
    /// The model's file is not the one that `model.json` describes.
    public static let bundleDigest = Self("bundle.digest")
    /// The signature is missing where one is asked for, damaged, of another content, expired, or by nobody who is trusted.
    public static let bundleSignature = Self("bundle.signature")
}

/// One regular file of a bundle.
struct BundleEntry: Hashable {
    /// A plain name, or `golden/` and a plain name.
    var name: String
    var byteCount: Int
}

/// Where a bundle's files are read from: a folder or an archive, listed and checked before anything is copied.
protocol BundleSource: AnyObject {
    var entries: [BundleEntry] { get }
    /// Hands out the bytes of an entry in pieces.
    ///
    /// - Throws: ``GleanerError`` when they are not exactly as many as were listed.
    func read(_ entry: BundleEntry, _ body: (UnsafeRawBufferPointer) throws -> Void) throws
}

enum BundleName {
    static let goldenFolder = "golden"
    static let entryCountMax = 1_000
    private static let byteCountMax = 100

    /// - Throws: ``GleanerError`` with code `bundle.entry` unless it is a plain name, or one in `golden/`.
    static func require(_ name: String, in bundle: String) throws {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isInGolden = parts.count == 2 && parts[0] == goldenFolder
        if isPlain(parts.last ?? ""), parts.count == 1 && name != goldenFolder || isInGolden { return }
        throw refused(
            "'\(PathName.printable(name))'", in: bundle,
            remedy: "a bundle's files lie in its top folder: `tar -cf bundle.tar -C FOLDER model.json model.onnx`")
    }

    /// Letters, digits, dot, underscore and dash; nothing that leads to another folder or hides as an option.
    static func isPlain(_ name: some StringProtocol) -> Bool {
        guard (1...byteCountMax).contains(name.utf8.count), name != ".", name != "..", name.first != "-" else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }

    static func refused(
        _ what: String, in bundle: String, remedy: String = "pack the bundle again from plain files"
    ) -> GleanerError {
        GleanerError(.bundleEntry, "the bundle \(bundle) holds \(what), which no bundle may", remedy: remedy)
    }
}
