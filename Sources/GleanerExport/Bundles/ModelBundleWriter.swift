import Foundation
public import GleanerCore

/// Makes a model bundle from a model's file and what is known of it.
public enum ModelBundleWriter {
    /// Writes a bundle to `path`: a tar when it ends in `.tar`, else a folder, which must not exist yet.
    ///
    /// The manifest's `bytes` and `sha256` are measured from the file; equal input gives equal bytes.
    ///
    /// - Parameters:
    ///   - key: Signs the bundle, for as long as `expires` says.
    /// - Returns: the manifest as written.
    /// - Throws: ``GleanerError`` with code `bundle.manifest` when the bundle could not be imported again, or
    ///   `file.system`.
    @discardableResult
    public static func write(
        _ manifest: ModelManifest, modelFile: String, to path: String, signedBy key: SigningKey? = nil,
        expires: Timestamp? = nil
    ) throws -> ModelManifest {
        var manifest = manifest
        manifest.sha256 = try Digest(ofFile: modelFile)
        manifest.bytes = try byteCount(of: modelFile)
        var text = try CanonicalJSON.encodePretty(manifest)
        text.append(UInt8(ascii: "\n"))
        // What is written here must be readable there: the reader's rules are the only ones.
        let written = try ModelManifestReader.read(text)
        let signature = try key.map { try sign(written, text, with: $0, expires: expires) }
        if path.hasSuffix(".tar") {
            try writeTar(written, text, signature, modelFile: modelFile, to: path)
        } else {
            try writeFolder(written, text, signature, modelFile: modelFile, to: path)
        }
        return written
    }

    private static func sign(
        _ manifest: ModelManifest, _ text: Data, with key: SigningKey, expires: Timestamp?
    ) throws -> Data {
        let files = [
            BundleFile(name: ModelManifest.fileName, bytes: text.count, sha256: Digest(of: text)),
            BundleFile(name: manifest.file, bytes: manifest.bytes, sha256: manifest.sha256),
        ]
        var signature = try BundleSignature(of: manifest, files: files, expires: expires)
        try signature.sign(with: key)
        return try signature.text()
    }

    private static func writeTar(
        _ manifest: ModelManifest, _ text: Data, _ signature: Data?, modelFile: String, to path: String
    ) throws {
        let partial = path + DurableFile.partialSuffix
        do {
            let tar = try TarWriter(partial)
            try tar.append(ModelManifest.fileName, Array(text))
            try tar.append(manifest.file, contentsOf: modelFile, byteCount: manifest.bytes)
            if let signature { try tar.append(BundleSignature.fileName, Array(signature)) }
            try tar.finish()
            try DurableFile.install(partial, as: path)
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
    }

    private static func writeFolder(
        _ manifest: ModelManifest, _ text: Data, _ signature: Data?, modelFile: String, to path: String
    ) throws {
        let partial = path + DurableFile.partialSuffix
        guard !FileManager.default.fileExists(atPath: path) else {
            throw GleanerError(.fileSystem, "there is something at \(path) already", remedy: "name a new folder")
        }
        try? FileManager.default.removeItem(atPath: partial)
        do {
            try DurableFile.makeFolder(partial)
            try DurableFile.write(text, to: "\(partial)/\(ModelManifest.fileName)")
            if let signature { try DurableFile.write(signature, to: "\(partial)/\(BundleSignature.fileName)") }
            let model = try BufferedFile("\(partial)/\(manifest.file)")
            try model.write(contentsOf: modelFile)
            try model.flush()
            try DurableFile.flushFolder(partial)
            try DurableFile.install(partial, as: path)
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
    }

    private static func byteCount(of path: String) throws -> Int {
        var count = 0
        try FileReading.forEachPiece(of: path) { count += $0.count }
        return count
    }
}
