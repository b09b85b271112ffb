import Foundation
public import GleanerCore

/// Signs bundles in place.
public enum ModelBundleSigner {
    /// Puts a signature of every file of a bundle (a folder, its `model.json`, or a tar) into it.
    ///
    /// Signatures of the same statement stay beside the new one, which is how one key takes over from another;
    /// those of other content go. A tar is written anew, as plain ustar.
    ///
    /// - Parameter expires: From when on it is not taken any more; `nil` for what an earlier signature of the same files
    ///   says, else never.
    /// - Throws: ``GleanerError`` with a code `bundle.…` when it could not be imported, or `file.system`.
    @discardableResult
    public static func sign(
        _ path: String, with key: SigningKey, expires: Timestamp? = nil
    ) throws -> (manifest: ModelManifest, signature: BundleSignature) {
        let source = try ModelBundleReader.open(path)
        _ = try ModelBundleReader.check(source.entries, of: path)
        let manifest = try ModelManifestReader.read(try bytes(of: ModelManifest.fileName, in: source))
        try ModelBundleReader.requireModel(of: manifest, among: source.entries, of: path)
        let job = SigningJob(source: source, manifest: manifest, key: key, expires: expires)
        if let folder = source as? FolderBundle { return (manifest, try job.signFolder(folder.path)) }
        return (manifest, try job.signTar(path))
    }

    /// A small file of a bundle; empty when there is none.
    static func bytes(of name: String, in source: any BundleSource) throws -> Data {
        var bytes = Data()
        for entry in source.entries where entry.name == name { try source.read(entry) { bytes.append(contentsOf: $0) } }
        return bytes
    }
}

private struct SigningJob {
    let source: any BundleSource
    let manifest: ModelManifest
    let key: SigningKey
    let expires: Timestamp?

    /// All but the signature, and what a cut has left of one.
    private var signed: [BundleEntry] {
        let names = [BundleSignature.fileName, BundleSignature.fileName + DurableFile.partialSuffix]
        return source.entries.filter { !names.contains($0.name) }
    }

    func signFolder(_ folder: String) throws -> BundleSignature {
        let files = try signed.map { entry in
            var hasher = DigestHasher()
            try source.read(entry) { hasher.update($0) }
            return BundleFile(name: entry.name, bytes: entry.byteCount, sha256: hasher.finish())
        }
        let signature = try signature(of: files)
        try DurableFile.write(try signature.text(), to: "\(folder)/\(BundleSignature.fileName)")
        return signature
    }

    func signTar(_ path: String) throws -> BundleSignature {
        let partial = path + DurableFile.partialSuffix
        do {
            let tar = try TarWriter(partial)
            let files = try signed.map { entry in
                var hasher = DigestHasher()
                try tar.append(entry, of: source) { hasher.update($0) }
                return BundleFile(name: entry.name, bytes: entry.byteCount, sha256: hasher.finish())
            }
            let signature = try signature(of: files)
            try tar.append(BundleSignature.fileName, Array(try signature.text()))
            try tar.finish()
            try DurableFile.install(partial, as: path)
            return signature
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
    }

    private func signature(of files: [BundleFile]) throws -> BundleSignature {
        try ModelBundleReader.requireDigest(of: manifest, among: files)
        var signature = try BundleSignature(of: manifest, files: files, expires: expires)
        try keepOthers(in: &signature)
        try signature.sign(with: key)
        return signature
    }

    /// What is damaged or by nobody is left out: this signature is of what is there now.
    private func keepOthers(in signature: inout BundleSignature) throws {
        let text = try ModelBundleSigner.bytes(of: BundleSignature.fileName, in: source)
        guard let earlier = try? BundleSignature(reading: text) else { return }
        var same = signature.statement
        if expires == nil { same.expires = earlier.statement.expires }
        guard same == earlier.statement else { return }
        let message = try earlier.message()
        signature.statement = same
        signature.signatures = earlier.signatures.filter { $0.key.hasSigned(message, signature: $0.signature) }
    }
}
