import Foundation
public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Takes a model bundle from outside into a private folder, where nobody can change it any more.
public enum ModelBundleReader {
    /// Copies a bundle (a folder, its `model.json`, or an uncompressed tar) into `folder`, which must not exist yet,
    /// and checks what was copied: the manifest, and the size and digest of the model's file.
    ///
    /// Everything is listed and summed before the first byte is copied. Nothing is written outside of `folder`, and
    /// after an error it is gone. What was copied is flushed.
    ///
    /// - Parameter makingRoom: told how many bytes are about to be written.
    /// - Throws: ``GleanerError`` with a code `bundle.…`, or `file.system` when the disk fails.
    public static func copy(
        from path: String, into folder: String, byteCountMax: Int = 512 << 20,
        makingRoom: (_ byteCount: Int) throws -> Void = { _ in }
    ) throws -> ModelManifest {
        let source = try open(path)
        try makingRoom(try check(source.entries, of: path, byteCountMax: byteCountMax))
        guard mkdir(folder, 0o700) == 0 else {
            throw GleanerError.system("cannot make the folder", folder, errno: errno)
        }
        do {
            let manifest = try copy(source, named: path, into: folder)
            try DurableFile.flushFolder(PathName.parent(of: folder))
            return manifest
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
    }

    private static func open(_ path: String) throws -> any BundleSource {
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
    private static func check(_ entries: [BundleEntry], of path: String, byteCountMax: Int) throws -> Int {
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
        return total
    }

    private static func copy(
        _ source: any BundleSource, named path: String, into folder: String
    ) throws -> ModelManifest {
        // The manifest first: most wrong bundles are known by it, before the large file is copied.
        let isManifest = { (entry: BundleEntry) in entry.name == ModelManifest.fileName }
        for entry in source.entries where isManifest(entry) { try copy(entry, of: source, into: folder) }
        let manifest = try ModelManifestReader.read(folder: folder)
        guard let model = source.entries.first(where: { $0.name == manifest.file }) else {
            throw GleanerError(
                .bundleMissing, "the bundle \(path) lacks '\(manifest.file)', which its model.json names",
                remedy: "put the file beside model.json")
        }
        guard model.byteCount == manifest.bytes else {
            throw GleanerError(
                .bundleDigest, "'\(model.name)' has \(model.byteCount) bytes, and model.json says \(manifest.bytes)",
                remedy: "copy the bundle again, or pack it again")
        }
        let hasGolden = source.entries.contains { $0.name.hasPrefix("\(BundleName.goldenFolder)/") }
        if hasGolden { try DurableFile.makeFolder("\(folder)/\(BundleName.goldenFolder)", permissions: 0o700) }
        for entry in source.entries where !isManifest(entry) { try copy(entry, of: source, into: folder) }
        try requireDigest(of: manifest, in: folder)
        if hasGolden { try DurableFile.flushFolder("\(folder)/\(BundleName.goldenFolder)") }
        try DurableFile.flushFolder(folder)
        return manifest
    }

    /// Checked on the bytes that were copied, so that the source may change meanwhile.
    private static func requireDigest(of manifest: ModelManifest, in folder: String) throws {
        let digest = try Digest(ofFile: "\(folder)/\(manifest.file)")
        guard digest == manifest.sha256 else {
            throw GleanerError(
                .bundleDigest, "'\(manifest.file)' has the SHA-256 \(digest), and model.json says \(manifest.sha256)",
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
