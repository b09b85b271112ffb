import Foundation
import GleanerCore
import GleanerImaging
import Testing

@Suite struct PictureHeaderTests {
    static let png: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]

    func read(_ bytes: [UInt8]) throws -> PictureHeader { try bytes.withUnsafeBytes { try PictureHeader.read($0) } }

    func code(_ bytes: [UInt8]) -> GleanerError.Code? {
        do {
            _ = try read(bytes)
            return nil
        } catch {
            return (error as? GleanerError)?.code
        }
    }

    @Test func aPNGHeaderGivesTheSize() throws {
        let header = try read(Self.png + [0, 0, 1, 2, 0, 0, 3, 4])
        #expect(header == PictureHeader(encoding: .png, width: 258, height: 772))
    }

    @Test func aJPEGHeaderIsFoundBehindOtherSegmentsFillBytesAndStrayOnes() throws {
        let app: [UInt8] = [0xff, 0xe0, 0, 5, 0xff, 0xc0, 9]
        let tables: [UInt8] = [0xff, 0xc4, 0, 3, 1]
        let frame: [UInt8] = [0xff, 0xff, 0xc2, 0, 17, 8, 1, 2, 3, 4]
        let header = try read([0xff, 0xd8] + app + tables + [7] + frame)
        #expect(header == PictureHeader(encoding: .jpeg, width: 772, height: 258))
    }

    @Test(
        arguments: [
            ([], "picture.unknown"),
            (Array("GIF89a, not ours".utf8), "picture.unknown"),
            ([0x89, 0x50, 0x4e], "picture.truncated"),
            ([0xff], "picture.truncated"),
            (png + [0, 0, 1], "picture.truncated"),
            (png + [0, 0, 0, 0, 0, 0, 0, 9], "picture.malformed"),
            ([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] + Array(repeating: 0, count: 24), "picture.malformed"),
            // A million squared: 3 TB of pixels in 24 bytes.
            (png + [0, 0x0f, 0x42, 0x40, 0, 0x0f, 0x42, 0x40], "picture.too_large"),
            (png + [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "picture.too_large"),
            ([0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0xff, 0xff, 0xff, 0xff], "picture.too_large"),
            ([0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 0, 0, 9], "picture.malformed"),
            ([0xff, 0xd8, 0xff, 0xd9], "picture.malformed"),
            ([0xff, 0xd8, 0xff, 0xda, 0, 2], "picture.malformed"),
            ([0xff, 0xd8, 0xff, 0xe0, 0, 1], "picture.malformed"),
            ([0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff, 0], "picture.truncated"),
            ([0xff, 0xd8] + Array(repeating: 0xff, count: 99), "picture.truncated"),
        ] as [([UInt8], String)])
    func aBadHeaderIsAnErrorWithItsCode(bytes: [UInt8], expected: String) {
        #expect(code(bytes)?.rawValue == expected)
    }

    @Test func aPictureOfTheLargestSizeIsRead() throws {
        #expect(try read(Self.png + [0, 0, 0x20, 0, 0, 0, 0x20, 0]).width == 8192)
        #expect(code(Self.png + [0, 0, 0x20, 0, 0, 0, 0x20, 1]) == .pictureTooLarge)
    }
}
