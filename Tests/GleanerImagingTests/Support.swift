import Foundation
import GleanerCore

enum Fixtures {
    struct Resize: Decodable, CustomTestStringConvertibleByName {
        var width: Int
        var height: Int
        var newWidth: Int
        var newHeight: Int
        var filter: InputSpec.Filter
        var rgb: Data
        var name: String { "\(width)x\(height) to \(newWidth)x\(newHeight) \(filter)" }
    }
    struct Picture: Decodable, CustomTestStringConvertibleByName {
        var name: String
        var width: Int
        var height: Int
        /// How far Pillow and OpenCV are apart, in levels.
        var apart: Int
        var bytes: Data
        var rgb: Data
        /// libpng rounds 16 bits to 8; OpenCV cuts them off.
        var tolerance: Int { name.contains("16 bit") ? 1 : 0 }
        var isJPEG: Bool { name.hasPrefix("jpeg") }
    }
    struct Document: Decodable {
        var resizes: [Resize]
        var pictures: [Picture]
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// What OpenCV and Pillow made of small pictures; empty if the file is missing, which a test of its own notices.
    static let all: Document = {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let data = (try? Data(contentsOf: root.appending(path: "Tests/Fixtures/imaging.json"))) ?? Data()
        return (try? decoder.decode(Document.self, from: data)) ?? Document(resizes: [], pictures: [])
    }()

    static var jpegsIfSupported: [Picture] {
        #if JPEG
            all.pictures
        #else
            all.pictures.filter { !$0.isJPEG }
        #endif
    }

    /// Real pictures, beside the package; they are not part of it.
    static let dataFolder = root.deletingLastPathComponent().appending(path: "shared/data")
    /// Without the data a test is skipped, except in CI, where it must fail.
    static var hasDataOrMust: Bool {
        FileManager.default.fileExists(atPath: dataFolder.path) || ProcessInfo.processInfo.environment["CI"] != nil
    }
}

/// A test argument that shows its name.
protocol CustomTestStringConvertibleByName: CustomStringConvertible, Sendable {
    var name: String { get }
}
extension CustomTestStringConvertibleByName {
    var description: String { name }
}

extension PixelBuffer {
    /// The frame that the fixtures' script resizes.
    static func pattern(width: Int, height: Int) -> PixelBuffer {
        PixelBuffer(width: width, height: height) { x, y, c in
            (x * 37 + y * 101 + c * 59 + x * y * 13 + (x * x + 3 * y) * (c + 1)) % 256
        }
    }

    /// A frame from a formula for each level.
    init(width: Int, height: Int, level: (_ x: Int, _ y: Int, _ channel: Int) -> Int) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(width * height * 3)
        for y in 0..<height {
            for x in 0..<width {
                for c in 0..<3 { bytes.append(UInt8(clamping: level(x, y, c))) }
            }
        }
        self.init(width: width, height: height, bytes: bytes)
    }

    var levels: [UInt8] { withBytes { Array($0) } }
}

/// Numbers that are the same in every run: Knuth's 64-bit linear congruence.
struct FixedNumbers: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 33)
    }
}
