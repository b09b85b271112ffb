import Foundation
import GleanerCore
import GleanerImaging
import Testing

@testable import GleanerRuntime

/// Models in processes of their own. That the walls around them hold is tested end to end.
@Suite(.enabled(if: TestRuntime.isHereOrMust)) struct IsolatedModelTests {
    /// The error of a model that is isolated and asked about a picture.
    private func failure(
        of tiny: TinyModel, processorSeconds: Int? = nil, _ change: (inout ModelIsolation) -> Void = { _ in }
    ) throws -> GleanerError? {
        let isolation = try TinyModel.isolation(change)
        let picture = try TinyModel.picture().png
        return #expect(throws: GleanerError.self) {
            var model = try IsolatedModel(tiny.bundle, isolation, processorSeconds: processorSeconds)
            _ = try model.judge(picture)
        }
    }

    @Test func itSaysThereWhatItSaysHere() throws {
        let tiny = try TinyModel()
        let here = try LoadedModel(tiny.bundle, engine: TestRuntime.engine(), registries: .standard)
        var there = try IsolatedModel(tiny.bundle, TinyModel.isolation(), processorSeconds: 60)
        #expect(there.id == tiny.bundle.manifest.id && there.ready.loadSeconds > 0)
        #expect(there.ready.walls.contains(.memory) && there.ready.walls.contains(.processor))
        var seen: Set<PredictionRecord> = []
        for seed in 0..<5 {
            let (pixels, png) = try TinyModel.picture(seed)
            let expected = PredictionRecord(
                try here.judge(pixels).prediction, labels: here.manifest.labels, scoreMin: here.decoder.scoreMin)
            let found = try there.judge(png)
            let answer = try #require(found)
            #expect(answer.prediction == expected)
            #expect(answer.seconds >= 0 && answer.memoryByteCount > 1 << 20)
            seen.insert(answer.prediction)
        }
        #expect(seen.count == 5, "pictures that say nothing prove nothing")
    }

    @Test func whatIsNoPictureIsNotTheModelsFault() throws {
        let tiny = try TinyModel()
        var model = try IsolatedModel(tiny.bundle, TinyModel.isolation())
        for bytes in [[], [1, 2, 3], [UInt8](repeating: 0, count: 1 << 20)] {
            let answer = try model.judge(bytes)
            #expect(answer == nil)
        }
        let answer = try model.judge(TinyModel.picture().png)
        #expect(answer?.prediction.classes?.count == 12)
    }

    @Test func whatDoesNotFitIsSaidAsItIsHere() throws {
        let tiny = try TinyModel(labelCount: 11)
        let error = try failure(of: tiny)
        let here = #expect(throws: GleanerError.self) {
            try LoadedModel(tiny.bundle, engine: TestRuntime.engine(), registries: .standard)
        }
        #expect(error?.code == here?.code && error?.message == here?.message && error?.remedy == here?.remedy)
    }

    @Test func otherBytesThanTheManifestsAreNotRun() throws {
        let tiny = try TinyModel()
        try Data("another".utf8).write(to: tiny.bundle.file)
        #expect(try failure(of: tiny)?.code == .modelDamaged)
    }

    @Test func oneThatNeedsMoreMemoryThanItMayHaveSaysSo() throws {
        let hungry = try TinyModel("hungry")
        let error = try failure(of: hungry) { $0.memoryByteCount = 128 << 20 }
        #expect(error?.code == .modelMemory, "\(error?.message ?? "")")
        #expect(error?.message.contains("128 MiB") == true && error?.remedy.contains("models.proof.memory") == true)
        var fed = try IsolatedModel(hungry.bundle, TinyModel.isolation())
        let answer = try fed.judge(TinyModel.picture().png)
        #expect(answer?.prediction.classes?.count == 12)
    }

    @Test func oneThatTakesTooLongHangs() throws {
        let slow = try failure(of: TinyModel()) { $0.loadSecondsMax = 0 }
        #expect(slow?.code == .modelHung && slow?.remedy.contains("load_seconds_max") == true)
        let tiny = try TinyModel()
        var isolation = try TinyModel.isolation()
        isolation.frameSecondsMax = 0
        var model = try IsolatedModel(tiny.bundle, isolation)
        // So large that it is not read by the time that its answer is waited for.
        let picture = try PNGEncoder.encode(PixelBuffer(width: 4000, height: 3000))
        let hung = #expect(throws: GleanerError.self) { _ = try model.judge(picture) }
        #expect(hung?.code == .modelHung && hung?.message.contains("on frame 1 of its trial") == true)
        // Its process is gone, and it says so ever after.
        let gone = #expect(throws: GleanerError.self) { _ = try model.judge(picture) }
        #expect(gone?.code == .modelCrashed && gone?.message.contains("has no process any more") == true)
    }

    /// Any other program in its place.
    @Test(
        arguments: [
            ("/bin/true", "ended with status 0"), ("/bin/false", "ended with status 1"),
            ("/bin/echo", "ended with status 0"),
        ])
    func oneThatEndsCrashes(executable: String, words: String) throws {
        let error = try failure(of: TinyModel()) { $0.executable = executable }
        #expect(error?.code == .modelCrashed && error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: ["echo", "nonsense", "empty"]) func whatMakesNoSenseIsDamage(script: String) throws {
        let path = TinyModel.root.appending(path: "Tests/Fixtures/replies/\(script).sh").path(percentEncoded: false)
        let error = try failure(of: TinyModel()) { $0.executable = path }
        #expect(error?.code == .modelCrashed && error?.message.contains("makes no sense") == true)
    }

    @Test func aCommandThatIsNotThereIsNotTheModelsFault() throws {
        #expect(try failure(of: TinyModel()) { $0.executable = "/nowhere/gleaner" }?.code == .fileSystem)
    }
}
