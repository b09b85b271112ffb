import Foundation
import GleanerCore
import GleanerExport

/// Keys that are the same in every run.
enum TestKey {
    static func made(_ number: UInt8) throws -> SigningKey {
        guard let key = SigningKey(seed: [UInt8](repeating: number, count: 32)) else {
            throw GleanerError(.malformed, "no key")
        }
        return key
    }
}

extension TemporaryFolder {
    /// A bundle folder with a golden sample, signed by key number 1 unless told otherwise.
    func signedFolder(
        _ name: String = "bundle", by number: UInt8? = 1, expires: Timestamp? = nil,
        _ change: (inout ModelManifest) -> Void = { _ in }
    ) throws -> String {
        let path = try folder(name)
        _ = try folder("\(name)/golden")
        try write(Data(try MakeBundle.text(change)), to: "\(name)/model.json")
        try write(Data(MakeBundle.model), to: "\(name)/model.onnx")
        try write("picture", to: "\(name)/golden/1.png")
        if let number { try ModelBundleSigner.sign(path, with: TestKey.made(number), expires: expires) }
        return path
    }

    /// The same as a tar.
    func signedTar(_ name: String = "bundle.tar", by number: UInt8 = 1) throws -> String {
        let path = try write(
            Data(try MakeBundle.tar { $0.add("golden/1.png", Array("picture".utf8)) }), to: name)
        try ModelBundleSigner.sign(path, with: TestKey.made(number))
        return path
    }

    /// Takes a bundle into a slot, and the slot away again.
    @discardableResult
    func check(_ path: String, trusting numbers: UInt8..., now: Timestamp = .now()) throws -> CheckedBundle {
        let slot = "\(self.path)/slot-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: slot) }
        let keys = try numbers.map { try TestKey.made($0).verifyingKey }
        return try ModelBundleReader.copy(from: path, into: slot, trustedKeys: keys, now: now)
    }
}
