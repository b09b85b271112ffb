import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

@Suite struct LabelTests {
    private func counts(_ report: LabelReport) -> [Int] {
        [report.applied, report.corrected, report.unchanged, report.outdated, report.rejected.count]
    }

    @Test func aLabelIsAppliedCorrectedAndRecognised() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep()
        #expect(counts(try fixture.label(id, .classified("3"))) == [1, 0, 0, 0, 0])
        #expect(counts(try fixture.label(id, .classified("3"))) == [0, 0, 1, 0, 0])
        #expect(counts(try fixture.label(id, .classified("8"))) == [0, 1, 0, 0, 0])
        let sample = try fixture.state(id)
        #expect(sample.labelState == .labeled)
        #expect(sample.record.label == LabelRecord(value: .classified("8")))
    }

    /// Every pair of labels, imported in either order: the row says which of the two counts.
    @Test(arguments: [
        (LabelRecord(value: .classified("a"), revision: 1), LabelRecord(value: .classified("b"), revision: 2)),
        (LabelRecord(value: .classified("b"), revision: -5), LabelRecord(value: .classified("a"), revision: 0)),
        (LabelRecord(value: .classified("a"), revision: 7), LabelRecord(value: .classified("b"), revision: 7)),
        (LabelRecord(value: .classified("z")), LabelRecord(value: .classified("a"), revision: .min)),
        (LabelRecord(value: .classified("a"), revision: 3), LabelRecord(value: .unusable, revision: 4)),
        (LabelRecord(value: .unusable, revision: 3), LabelRecord(value: .classified("a"), revision: 4)),
    ])
    func theWinnerDoesNotDependOnTheOrder(_ loser: LabelRecord, _ winner: LabelRecord) throws {
        for (first, second) in [(loser, winner), (winner, loser)] {
            let fixture = try StoreFixture()
            let id = try fixture.keep().description
            _ = try fixture.store.apply([IncomingLabel(sample: id, label: first, place: "1")])
            let report = try fixture.store.apply([IncomingLabel(sample: id, label: second, place: "2")])
            #expect(counts(report) == (second == winner ? [0, 1, 0, 0, 0] : [0, 0, 0, 1, 0]))
            let sample = try fixture.store.sample(id)
            #expect(sample.record.label == winner)
            #expect(sample.labelState == (winner.value == .unusable ? .unusable : .labeled))
            // And once more, all of them: nothing moves.
            _ = try fixture.store.apply([first, second].map { IncomingLabel(sample: id, label: $0, place: "3") })
            #expect(try fixture.store.sample(id).record.label == winner)
        }
    }

    @Test func withoutARevisionTheLastImportCounts() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep()
        for name in ["a", "b", "a"] {
            _ = try fixture.label(id, .classified(name))
            #expect(try fixture.state(id).record.label?.value == .classified(name))
        }
        let history = try fixture.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM label") }
        #expect(history == 2)
    }

    @Test func whatCannotBeTrueIsRejectedCountedAndListed() throws {
        let fixture = try StoreFixture()
        let digit = try fixture.keep()
        let detector = ModelID(name: "apples", version: 1, digest: Digest(of: Array("d".utf8)))
        let frame = fixture.kept(model: detector, prediction: StoreFixture.detected)
        try fixture.commit([frame])
        let boxed = try fixture.store.sample("1-2").record.id
        func boxes(_ x: Float, _ y: Float, _ width: Float, _ height: Float) -> LabelValue {
            .boxes([LabeledBox(label: "apple", box: Box(x: x, y: y, width: width, height: height))])
        }
        let bad: [(SampleID, LabelValue, String)] = [
            (SampleID(device: fixture.device, run: fixture.run, sequence: 99), .classified("3"), "no sample"),
            (digit, .classified("pear"), "none of the model's"),
            (digit, .classified(""), "name"),
            (boxed, .classified("apple"), "finds boxes"),
            (boxed, boxes(.nan, 0, 10, 10), "not finite"),
            (boxed, boxes(0, 0, .infinity, 10), "not finite"),
            (boxed, boxes(3e38, 0, 3e38, 10), "not finite"),
            (boxed, boxes(0, 0, 0, 10), "without area"),
            (boxed, boxes(0, 0, 10, -1), "without area"),
            (boxed, boxes(-2, 0, 10, 10), "outside"),
            (boxed, boxes(0, 0, 642, 10), "outside"),
            (boxed, boxes(640.5, 0, 0.4, 10), "without area in the frame"),
        ]
        let report = try fixture.store.apply(
            bad.enumerated().map { number, entry in
                IncomingLabel(
                    sample: entry.0.description, label: LabelRecord(value: entry.1), place: "line \(number)")
            }, allowedClasses: ["3", "apple"])
        #expect(counts(report) == [0, 0, 0, 0, bad.count])
        for (number, (rejected, entry)) in zip(report.rejected, bad).enumerated() {
            #expect(rejected.place == "line \(number)")
            #expect(rejected.reason.contains(entry.2), "\(rejected.reason)")
        }
        #expect(try fixture.store.status().rejectedLabelCount == bad.count)
        #expect(try fixture.store.status().queue[.labeled] == 0)
    }

    @Test func boxesForAClassifierAreRejected() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep()
        let report = try fixture.label(id, .boxes([]))
        #expect(counts(report) == [0, 0, 0, 0, 1])
        #expect(try fixture.label(id, .unusable).applied == 1)
    }

    @Test func severalClassesAreTakenOnlyWhereTheyDoNotExcludeEachOther() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep()
        func label(_ value: LabelValue, several: Bool) throws -> LabelReport {
            try fixture.store.apply(
                [IncomingLabel(sample: "\(id)", label: LabelRecord(value: value), place: "p")],
                allowsSeveralClasses: several)
        }
        #expect(try counts(label(.classes(["b", "a"]), several: false)) == [0, 0, 0, 0, 1])
        #expect(try counts(label(.classes(["b", "a", "b"]), several: true)) == [1, 0, 0, 0, 0])
        #expect(try fixture.store.sample("\(id)").record.label?.value == .classes(["a", "b"]))
        // One class, and a frame that a format of boxes calls empty, are said in the same way.
        #expect(try counts(label(.classified("a"), several: true)) == [0, 1, 0, 0, 0])
        #expect(try fixture.store.sample("\(id)").record.label?.value == .classes(["a"]))
        #expect(try counts(label(.boxes([]), several: true)) == [0, 1, 0, 0, 0])
        #expect(try fixture.store.sample("\(id)").record.label?.value == .classes([]))
    }

    @Test func nonsenseIdsAreRejected() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep()
        let names = ["", "1-1", "frame.jpg", String(repeating: "x", count: 10_000), id.description.uppercased() + "1"]
        let report = try fixture.store.apply(
            names.map { IncomingLabel(sample: $0, label: LabelRecord(value: .unusable), place: "p") })
        #expect(report.rejected.count == names.count)
        #expect(report.rejected.allSatisfy { $0.sample.count <= 200 })
    }

    @Test func boxesAreClippedWithinAPixelAndOtherwiseLeftAlone() throws {
        let check = LabelCheck(classes: nil)
        func clipped(_ box: Box) throws -> Box? {
            let label = LabelRecord(value: .boxes([LabeledBox(label: "a", box: box)]))
            guard case .boxes(let boxes) = try check.check(label, task: .detection, width: 640, height: 480).value
            else { return nil }
            return boxes.first?.box
        }
        let inside = Box(x: 0.1, y: 0.7, width: 639.9, height: 100.3)
        #expect(try clipped(inside) == inside)
        #expect(try clipped(Box(x: -1, y: -0.5, width: 11, height: 20.5)) == Box(x: 0, y: 0, width: 10, height: 20))
        #expect(
            try clipped(Box(x: 600, y: 400, width: 41, height: 80.5)) == Box(x: 600, y: 400, width: 40, height: 80))
        #expect(try clipped(Box(x: 0, y: 0, width: 640, height: 480)) == Box(x: 0, y: 0, width: 640, height: 480))
    }

    @Test func aLateLabelOfAnEvictedSampleCounts() throws {
        let fixture = try StoreFixture()
        let exported = try fixture.keep()
        try fixture.deliver(.labeling)
        let expired = try fixture.keep()
        for id in [exported, expired] { try fixture.store.drop(id) }
        #expect(try fixture.state(exported).labelState == .exported)
        #expect(try fixture.state(expired).labelState == .expired)
        for id in [exported, expired] { #expect(try fixture.label(id, .classified("3")).applied == 1) }
        let status = try fixture.store.status()
        #expect(status.queue[.labeled] == 2)
        #expect(status.evicted == 2)
        try fixture.expectConservation()
    }

    @Test func aThousandLabelsComeInSeveralTransactionsAndAddUp() throws {
        let fixture = try StoreFixture()
        try fixture.commit((0..<600).map { _ in fixture.kept(10) })
        let ids = (1...600).map { SampleID(device: fixture.device, run: fixture.run, sequence: $0).description }
        let labels = ids.map { IncomingLabel(sample: $0, label: LabelRecord(value: .classified("3")), place: $0) }
        #expect(counts(try fixture.store.apply(labels)) == [600, 0, 0, 0, 0])
        #expect(counts(try fixture.store.apply(labels.shuffled())) == [0, 0, 600, 0, 0])
        #expect(try fixture.store.status().queue[.labeled] == 600)
    }
}
