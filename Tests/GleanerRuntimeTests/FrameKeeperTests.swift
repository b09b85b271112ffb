import GleanerCore
import GleanerImaging
import GleanerStore
import Testing

@testable import GleanerRuntime
@testable import GleanerSelection

@Suite struct FrameKeeperTests {
    private let run = RunID(counter: 3, nonce: 5)

    /// Keeps what was judged worth it, in its slot.
    private func outcome(of pixels: PixelBuffer) throws -> FrameOutcome.Outcome {
        let slot = FrameSlot()
        slot.sequence = 7
        slot.encoding = .png
        slot.buffer.origin = FrameOrigin(source: "video:/gate.mp4", name: "frame 7")
        slot.buffer.content = .pixels(keptAs: .png)
        slot.buffer.pixels = pixels
        let candidate = Candidate(
            sequence: 7, prediction: .classification(probabilities: [0.25, 0.75]),
            manifest: try TinyModel(labelCount: 2).bundle.manifest, scoreMin: nil, hash: PerceptualHash(bits: 9))
        let choice = Choice(
            utility: Utility(0.5), reason: .audit, inclusionProbability: 0.2, uncertaintyWeight: 1)
        let settings = try Configuration.selection(.object(["audit_share": .number(0.2)]), registries: .standard)
        return FrameKeeper(device: DeviceID(rawValue: 1), run: run, settings: settings).outcome(
            of: .init(slot: slot, candidate: candidate, choice: choice, scene: 4))
    }

    @Test func aFrameOfPixelsIsKeptAsAPictureOfThem() throws {
        let (pixels, png) = try TinyModel.picture()
        guard case .stored(let record, let picture, _) = try outcome(of: pixels) else {
            Issue.record("it was not kept")
            return
        }
        #expect(picture.bytes == png)
        #expect(record.sha256 == Digest(of: png) && record.bytes == png.count && record.encoding == .png)
        #expect(record.id == SampleID(device: DeviceID(rawValue: 1), run: run, sequence: 7))
        #expect(record.scene == 4 && record.inclusionProbability == 0.2)
        #expect(record.source == "video:/gate.mp4" && record.origin == "frame 7")
    }

    @Test func aFrameWhosePictureCannotBeMadeCountsAsDropped() throws {
        guard case .dropped(let reason, let topClass, let model, _) = try outcome(of: PixelBuffer()) else {
            Issue.record("there is nothing to keep")
            return
        }
        #expect(reason == "picture.not_encoded" && topClass == "class 1" && model?.description == "tiny@1")
    }
}
