import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

@Suite struct AnswerTests {
    private let fixture: StoreFixture
    init() throws { fixture = try StoreFixture() }

    private func awaited(_ id: String, _ frame: FrameOutcome, from source: String = "ingest") -> FrameOutcome {
        var frame = frame
        frame.origin = FrameOrigin(source: source, name: id[...], awaitsAnswer: true)
        return frame
    }

    @Test func whoWaitsIsToldWhatIsDurableAndToldTheSameAgain() throws {
        let frames = [
            awaited("a", fixture.kept()), awaited("b", fixture.frame(.rejected(reason: "duplicate"))),
            awaited("c", fixture.frame(.dropped(reason: "picture.truncated"))), fixture.kept(),
        ]
        let report = try fixture.commit(frames)
        let sample = SampleID(device: fixture.device, run: fixture.run, sequence: 1)
        let expected = [
            FrameAnswer(.stored, reason: "margin", sample: sample), FrameAnswer(.rejected, reason: "duplicate"),
            FrameAnswer(.dropped, reason: "picture.truncated"),
        ]
        #expect(report.answers.count == 3)
        for (frame, answer) in zip(frames, expected) {
            #expect(report.answers[frame.origin] == answer)
            #expect(try fixture.store.answer(to: frame.origin) == answer)
        }
    }

    @Test func idsOfTwoSourcesAreApart() throws {
        try fixture.commit([awaited("a", fixture.kept(), from: "ingest:one")])
        #expect(try fixture.store.answer(to: awaited("a", fixture.kept()).origin) == nil)
        #expect(try fixture.store.answer(to: awaited("a", fixture.kept(), from: "ingest:one").origin) != nil)
    }

    @Test func aSampleThatFoundNoRoomIsToldAsDropped() throws {
        let small = try StoreFixture(quota: StoreSettings.quotaByteCountMin)
        var frame = small.kept(64 << 20)
        frame.origin = FrameOrigin(source: "ingest", name: "a", awaitsAnswer: true)
        let report = try small.commit([frame])
        #expect(report.answers[frame.origin] == FrameAnswer(.dropped, reason: StoreDropReason.noSpace))
    }

    @Test func soManyAnswersAreRememberedAndNoMore() throws {
        try fixture.commit([awaited("first", fixture.frame(.rejected(reason: "duplicate")))])
        try fixture.store.write { db in
            try db.execute(
                sql: """
                    INSERT INTO answer (answer_key, source_key, name, decision, reason)
                    SELECT ?, source_key, 'late', 'rejected', 'duplicate' FROM answer
                    """, arguments: [DeploymentStore.rememberedAnswerCount])
        }
        let first = FrameOrigin(source: "ingest", name: "first", awaitsAnswer: true)
        #expect(try fixture.store.answer(to: first) != nil)
        try fixture.commit([awaited("next", fixture.frame(.rejected(reason: "duplicate")))])
        #expect(try fixture.store.answer(to: first) == nil)
        for id in ["late", "next"] {
            #expect(
                try fixture.store.answer(to: FrameOrigin(source: "ingest", name: id[...], awaitsAnswer: true)) != nil)
        }
    }
}

@Suite struct ModelsElsewhereTests {
    private let fixture: StoreFixture
    init() throws { fixture = try StoreFixture() }

    private func model(_ version: Int, labels: [String] = ["a", "b"], task: ModelTask = .detection) -> ModelManifest {
        ModelManifest(elsewhere: "wasps", version: version, digest: nil, task: task, labels: labels)
    }

    private func state(_ manifest: ModelManifest) throws -> ModelSlot.State? {
        try fixture.store.models().first { $0.id == manifest.id }?.state
    }

    @Test func theOneThatPredictsIsActiveWithoutAFile() throws {
        for version in [1, 2] {
            try fixture.store.introduce(model(version))
            try fixture.store.introduce(model(version))
            try fixture.store.activate(model(version).id)
            #expect(try fixture.store.slot(in: .active)?.manifest == model(version))
        }
        try fixture.store.activate(model(1).id)
        #expect(try state(model(1)) == .active)
        #expect(try fixture.store.activeModel() == nil)
        #expect(throws: GleanerError.self) { try fixture.store.rollBack() }
    }

    @Test func oneOfOursServesAgainAfterIt() throws {
        let ours = ModelFixture(1)
        try ours.place(in: fixture.store)
        try fixture.store.activate(ours.id)
        try ours.confirm(in: fixture.store)
        try fixture.store.introduce(model(1))
        try fixture.store.activate(model(1).id)
        #expect(try fixture.store.slot(in: .previous)?.id == ours.id)
        #expect(try fixture.store.rollBack() == ours.id)
        #expect(try fixture.store.activeModel()?.manifest.id == ours.id)
    }

    @Test func twoModelsHaveNoNameAndVersionTogether() throws {
        try fixture.store.introduce(model(1))
        for other in [model(1, labels: ["b", "a"]), model(1, task: .classification)] {
            #expect { try fixture.store.introduce(other) } throws: { ($0 as? GleanerError)?.code == .modelDiffers }
        }
        #expect(try fixture.store.models().count == 1)
    }
}
