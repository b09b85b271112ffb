import Foundation
public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A bundle whose copy was checked.
public struct CheckedBundle: Hashable, Sendable {
    public var manifest: ModelManifest
    /// Everyone who signed it; empty for an unsigned one. Anyone can make a key and sign with it.
    public var signers: [VerifyingKey]
    /// The trusted key among them; `nil` when no key is trusted.
    public var vouchedBy: VerifyingKey?

    public init(manifest: ModelManifest, signers: [VerifyingKey] = [], vouchedBy: VerifyingKey? = nil) {
        self.manifest = manifest
        self.signers = signers
        self.vouchedBy = vouchedBy
    }
}

/// Takes a model bundle from outside into a private folder, where nobody can change it any more.
public enum ModelBundleReader {
    /// Copies a bundle (a folder, its `model.json`, or an uncompressed tar) into `folder`, which must not exist yet,
    /// and checks what was copied: the manifest, the size and digest of the model's file, and the signature if it has one.
    ///
    /// Everything is listed and summed before the first byte is copied. Nothing is written outside of `folder`, and
    /// after an error it is gone. What was copied is flushed.
    ///
    /// - Parameters:
    ///   - trustedKeys: One of them must have signed the bundle; when there are none, anyone's is taken, and also unsigned
    ///     ones.
    ///   - now: What the clock says: a signature may expire.
    ///   - makingRoom: Told how many bytes are about to be written.
    /// - Throws: ``GleanerError`` with a code `bundle.…`, or `file.system` when the disk fails.
    public static func copy(
        from path: String, into folder: String, byteCountMax: Int = byteCountMax, trustedKeys: [VerifyingKey] = [],
        now: Timestamp = .now(), makingRoom: (_ byteCount: Int) throws -> Void = { _ in }
    ) throws -> CheckedBundle {
        let source = try open(path)
        let byteCount = try check(source.entries, of: path, byteCountMax: byteCountMax)
        if !trustedKeys.isEmpty, !isSigned(source) { throw Trust.unsigned(path) }
        try makingRoom(byteCount)
        guard mkdir(folder, 0o700) == 0 else {
            throw GleanerError.system("cannot make the folder", folder, errno: errno)
        }
        do {
            let (manifest, files) = try copy(source, named: path, into: folder)
            let check = SignatureCheck(bundle: path, manifest: manifest, files: files)
            let signers = isSigned(source) ? try check.run(try signature(in: folder), now: now) : []
            let vouchedBy = try Trust.require(trustedKeys, among: signers, of: path)
            try DurableFile.flushFolder(PathName.parent(of: folder))
            return CheckedBundle(manifest: manifest, signers: signers, vouchedBy: vouchedBy)
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
    }

    /// A bundle larger than this is refused, unless something else is asked for.
    public static let byteCountMax = 512 << 20

    private static func isSigned(_ source: any BundleSource) -> Bool {
        source.entries.contains { $0.name == BundleSignature.fileName }
    }

    private static func signature(in folder: String) throws -> Data {
        let path = "\(folder)/\(BundleSignature.fileName)"
        return try FileReading.bytes(of: path, byteCountMax: BundleSignature.byteCountMax)
    }

    static func open(_ path: String) throws -> any BundleSource {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw GleanerError(
                .bundleMissing, "there is no bundle at \(path): \(String(cString: strerror(errno)))",
                remedy: "name a folder with model.json in it, or a tar of one")
        }
        if status.st_mode & S_IFMT == S_IFDIR { return try FolderBundle(path) }
        if PathName.last(of: path) == ModelManifest.fileName {
            return try FolderBundle(PathName.parent(of: path))
        }
        return try TarBundle(path)
    }

    /// Returns the size of the whole.
    static func check(_ entries: [BundleEntry], of path: String, byteCountMax: Int = byteCountMax) throws -> Int {
        var total = 0
        for entry in entries {
            let (sum, overflow) = total.addingReportingOverflow(entry.byteCount)
            guard !overflow, sum <= byteCountMax else {
                throw GleanerError(
                    .bundleSize, "the bundle \(path) has more than the \(ByteCount.format(byteCountMax)) allowed",
                    remedy: "leave out what is not needed, or allow more")
            }
            total = sum
        }
        guard let manifest = entries.first(where: { $0.name == ModelManifest.fileName }) else {
            throw GleanerError(
                .bundleMissing, "the bundle \(path) has no \(ModelManifest.fileName) in its top folder",
                remedy: "write one: see Schemas/model-bundle.schema.json, or `gleaner model pack --help`")
        }
        guard manifest.byteCount <= ModelManifest.byteCountMax else {
            throw GleanerError(
                .bundleManifest,
                "\(ModelManifest.fileName) has more than \(ByteCount.format(ModelManifest.byteCountMax))")
        }
        let signature = entries.first { $0.name == BundleSignature.fileName }
        guard signature?.byteCount ?? 0 <= BundleSignature.byteCountMax else {
            throw BundleSignature.refused(
                "\(BundleSignature.fileName) has more than \(ByteCount.format(BundleSignature.byteCountMax))")
        }
        return total
    }

    private static func copy(
        _ source: any BundleSource, named path: String, into folder: String
    ) throws -> (manifest: ModelManifest, files: [BundleFile]) {
        // The manifest first: most wrong bundles are known by it, before the large file is copied.
        let isManifest = { (entry: BundleEntry) in entry.name == ModelManifest.fileName }
        for entry in source.entries where isManifest(entry) { try copy(entry, of: source, into: folder) }
        let manifest = try ModelManifestReader.read(folder: folder)
        try requireModel(of: manifest, among: source.entries, of: path)
        let hasGolden = source.entries.contains { $0.name.hasPrefix("\(BundleName.goldenFolder)/") }
        if hasGolden { try DurableFile.makeFolder("\(folder)/\(BundleName.goldenFolder)", permissions: 0o700) }
        for entry in source.entries where !isManifest(entry) { try copy(entry, of: source, into: folder) }
        // Measured on the bytes that were copied, so that the source may change meanwhile.
        let files = try source.entries.map { entry in
            BundleFile(name: entry.name, bytes: entry.byteCount, sha256: try Digest(ofFile: "\(folder)/\(entry.name)"))
        }
        try requireDigest(of: manifest, among: files)
        if hasGolden { try DurableFile.flushFolder("\(folder)/\(BundleName.goldenFolder)") }
        try DurableFile.flushFolder(folder)
        return (manifest, files)
    }

    /// - Throws: ``GleanerError`` unless the file that the manifest names is there, with its size.
    static func requireModel(of manifest: ModelManifest, among entries: [BundleEntry], of path: String) throws {
        guard let model = entries.first(where: { $0.name == manifest.file }) else {
            throw GleanerError(
                .bundleMissing, "the bundle \(path) lacks '\(manifest.file)', which its model.json names",
                remedy: "put the file beside model.json")
        }
        guard model.byteCount == manifest.bytes else {
            throw GleanerError(
                .bundleDigest, "'\(model.name)' has \(model.byteCount) bytes, and model.json says \(manifest.bytes)",
                remedy: "copy the bundle again, or pack it again")
        }
    }

    /// - Throws: ``GleanerError`` unless the file that the manifest names has its digest.
    static func requireDigest(of manifest: ModelManifest, among files: [BundleFile]) throws {
        for file in files where file.name == manifest.file && file.sha256 != manifest.sha256 {
            throw GleanerError(
                .bundleDigest, "'\(file.name)' has the SHA-256 \(file.sha256), and model.json says \(manifest.sha256)",
                remedy: "copy the bundle again, or pack it again")
        }
    }

    private static func copy(_ entry: BundleEntry, of source: any BundleSource, into folder: String) throws {
        let file = try DescriptorFile(
            "\(folder)/\(entry.name)", flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, permissions: 0o600)
        try source.read(entry) { try file.write($0) }
        try file.flush()
    }
}
