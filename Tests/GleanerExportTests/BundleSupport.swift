import Foundation
import GleanerCore

/// A tar made byte by byte, right or wrong.
struct HandMadeTar {
    var bytes: [UInt8] = []

    /// An entry; `sizeField`, `checksumOff` and `checksumForm` (of six digits) make it lie.
    mutating func add(
        _ name: String, _ content: [UInt8] = [], type: Character = "0", link: String = "", prefix: String = "",
        magic: String = "ustar\u{0}00", sizeField: String? = nil, checksumOff: Int = 0,
        checksumForm: (String) -> String = { "\($0)\u{0} " }
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ offset: Int) {
            for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, 0)
        put("0000644\u{0}0000000\u{0}0000000\u{0}", 100)
        put(sizeField ?? octal(content.count, 11), 124)
        put("00000000000", 136)
        put(String(type), 156)
        put(link, 157)
        put(magic, 257)
        put(prefix, 345)
        let sum = header.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 32 : Int(header[$1])) }
        put(checksumForm(octal(sum + checksumOff, 6)), 148)
        bytes += header + content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    /// An extended header whose line lengths are right.
    mutating func addPax(_ attributes: [(String, String)], type: Character = "x") {
        let text = attributes.map { key, value in
            let rest = " \(key)=\(value)\n"
            var length = rest.utf8.count + 1
            while "\(length)".utf8.count + rest.utf8.count != length { length += 1 }
            return "\(length)\(rest)"
        }.joined()
        add("PaxHeaders/x", Array(text.utf8), type: type)
    }

    mutating func end() { bytes += [UInt8](repeating: 0, count: 1024) }
}

/// A bundle whose model is a few bytes: its reader does not look inside.
enum MakeBundle {
    static let model = Array("not really a network".utf8)

    static func manifest(_ change: (inout ModelManifest) -> Void = { _ in }) -> ModelManifest {
        var manifest = ModelManifest(
            name: "meter-digits", version: 3, task: .classification, bytes: model.count, sha256: Digest(of: model),
            labels: ["zero", "one"], input: InputSpec(width: 32, height: 32),
            decoder: DecoderSpec(name: "classification"))
        change(&manifest)
        return manifest
    }

    static func text(_ change: (inout ModelManifest) -> Void = { _ in }) throws -> [UInt8] {
        Array(try CanonicalJSON.encode(manifest(change)))
    }

    /// The two files every bundle has, then whatever else.
    static func tar(end: Bool = true, _ more: (inout HandMadeTar) -> Void = { _ in }) throws -> [UInt8] {
        var tar = HandMadeTar()
        tar.add("model.json", try text())
        tar.add("model.onnx", model)
        more(&tar)
        if end { tar.end() }
        return tar.bytes
    }
}
