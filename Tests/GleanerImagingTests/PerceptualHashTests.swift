import Foundation
import GleanerCore
import GleanerImaging
import Testing

@Suite struct PerceptualHashTests {
    /// Soft blobs at places that the seed gives.
    func scene(_ seed: UInt64, width: Int = 320, height: Int = 240) -> PixelBuffer {
        var numbers = FixedNumbers(state: seed)
        let blobs = (0..<8).map { _ in
            (
                Double.random(in: 0...1, using: &numbers), Double.random(in: 0...1, using: &numbers),
                Double.random(in: -90...90, using: &numbers)
            )
        }
        return PixelBuffer(width: width, height: height) { x, y, _ in
            let (u, v) = (Double(x) / Double(width), Double(y) / Double(height))
            return Int(
                blobs.reduce(120) { sum, blob in
                    sum + blob.2 * exp(-((u - blob.0) * (u - blob.0) + (v - blob.1) * (v - blob.1)) * 20)
                })
        }
    }

    func changed(_ frame: PixelBuffer, _ change: (Int) -> Int) -> PixelBuffer {
        PixelBuffer(
            width: frame.width, height: frame.height, bytes: frame.levels.map { UInt8(clamping: change(Int($0))) })
    }

    @Test(arguments: 1...20)
    func lightAndNoiseKeepTheHashNear(seed: Int) {
        let frame = scene(UInt64(seed))
        let hash = PerceptualHash.of(frame)
        var numbers = FixedNumbers(state: 99)
        #expect(hash.distance(to: .of(changed(frame) { $0 + 20 })) <= 4)
        #expect(hash.distance(to: .of(changed(frame) { $0 * 3 / 4 })) <= 6)
        #expect(hash.distance(to: .of(changed(frame) { $0 + Int.random(in: -8...8, using: &numbers) })) <= 4)
    }

    @Test(arguments: 1...20)
    func anotherSceneIsFar(seed: Int) {
        let hash = PerceptualHash.of(scene(UInt64(seed)))
        #expect(hash.distance(to: .of(scene(UInt64(seed + 1000)))) >= 10)
    }

    @Test(arguments: 1...20)
    func theSizeOfTheFrameHardlyMatters(seed: Int) {
        let large = PerceptualHash.of(scene(UInt64(seed), width: 640, height: 480))
        #expect(large.distance(to: .of(scene(UInt64(seed), width: 100, height: 75))) <= 6)
    }

    @Test func bitsSayWhereItGetsBrighter() {
        let rising = PixelBuffer(width: 90, height: 80) { x, _, _ in x * 2 }
        let falling = PixelBuffer(width: 90, height: 80) { x, _, _ in 200 - x * 2 }
        #expect(PerceptualHash.of(rising).bits == .max)
        #expect(PerceptualHash.of(falling).bits == 0)
    }

    @Test func noiseOnAFlatFrameSetsHardlyABit() {
        var numbers = FixedNumbers(state: 5)
        let dark = PixelBuffer(width: 320, height: 240) { _, _, _ in 12 + Int.random(in: -6...6, using: &numbers) }
        #expect(PerceptualHash.of(dark).bits.nonzeroBitCount <= 2)
    }

    @Test(arguments: [(1, 1), (2, 3), (8, 7), (15, 34), (9, 8), (1, 500), (500, 1)])
    func tinyFramesHaveAHash(width: Int, height: Int) {
        let frame = PixelBuffer.pattern(width: width, height: height)
        #expect(PerceptualHash.of(frame) == PerceptualHash.of(frame))
        #expect(PerceptualHash.of(PixelBuffer(width: width, height: height)).bits == 0)
    }
}
