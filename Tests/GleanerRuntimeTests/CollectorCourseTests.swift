import Foundation
import GleanerCore
import GleanerImaging
import GleanerStore
import Logging
import Testing

@testable import GleanerRuntime

/// What runs of the collector do to the course of the model that serves.
@Suite(.enabled(if: TestRuntime.isHereOrMust)) struct CollectorCourseTests {
    /// A deployment with a confirmed model and a second one that was activated and has not served.
    private final class Fixture {
        let deployment: Deployment
        private let models: [TinyModel]
        var store: DeploymentStore { deployment.store }

        init(_ configuration: String = "") throws {
            let path = FileManager.default.temporaryDirectory.path + "/gleaner-collector-\(UUID().uuidString)"
            try NewDeployment(in: path).finish()
            try Data("selection: {deduplicate: false}\n\(configuration)\n".utf8)
                .write(to: URL(filePath: "\(path)/\(Configuration.fileName)"))
            deployment = try Deployment(opening: path, executable: TinyModel.executable)
            models = try (1...2).map { try TinyModel(version: $0) }
            for model in models { try place(model.bundle) }
        }

        deinit { try? FileManager.default.removeItem(atPath: deployment.folder) }

        private func place(_ bundle: ModelBundle) throws {
            let name = DeploymentFolder.name(for: bundle.manifest.id)
            try DurableFile.makeFolder("\(deployment.folder)/models")
            try FileManager.default.copyItem(
                at: bundle.folder, to: URL(filePath: "\(deployment.folder)/models/\(name)"))
            var course = ModelCourse()
            for event in [ModelCourse.Event.proved, .gated] { _ = course.handle(event) }
            try store.stage(bundle.manifest, folderName: name, course: course)
            try store.activate(bundle.manifest.id)
        }

        func run(_ source: SourceMaker) async throws {
            let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            try await Collector(deployment, source: source, endsAtLast: true, logger: quiet) { _ in }.run()
        }

        var active: ModelSlot? { get throws { try store.slot(in: .active) } }
    }

    /// Gives so many frames, and then ends or throws.
    private struct Frames: FrameSource {
        var count: Int
        var name: String
        var fails: Bool
        private var given = 0
        var remainingCount: Int? { nil }

        init(_ count: Int, name: String, fails: Bool) { (self.count, self.name, self.fails) = (count, name, fails) }

        mutating func next(into buffer: inout FrameBuffer) throws -> SourceEvent {
            guard given < count else {
                guard fails else { return .end }
                throw GleanerError(.fileSystem, "the cable is out")
            }
            buffer.origin = FrameOrigin(source: "test", name: "\(name)-\(given)")
            buffer.encoded = try TinyModel.picture(given).png
            given += 1
            return .frame
        }
    }

    private func frames(_ count: Int, name: String = "a", fails: Bool = false) -> SourceMaker {
        SourceMaker(name: "test") { _ in Frames(count, name: name, fails: fails) }
    }

    @Test func framesOfEachRunCountForTheProbation() async throws {
        let fixture = try Fixture()
        for (run, sum) in [("a", 7), ("b", 14)] {
            try await fixture.run(frames(7, name: run))
            let active = try #require(try fixture.active)
            #expect(active.manifest.version == 2 && active.course.stage == .probation)
            #expect(active.course.servedCount == sum && active.course.openBoot == nil)
        }
        #expect(try fixture.store.status().offered == 14)
    }

    @Test func aModelIsConfirmedOverSeveralRuns() async throws {
        let fixture = try Fixture("models: {probation: {frames: 12}}")
        for run in ["a", "b"] { try await fixture.run(frames(7, name: run)) }
        #expect(try fixture.active?.course.stage == .confirmed)
        #expect(try fixture.store.slot(in: .previous)?.manifest.version == 1)
    }

    /// A source that cannot be opened, and one that breaks off: a supervisor starts the collector again each time.
    @Test(arguments: [nil, 0, 3]) func anErrorThatEndsARunIsNoCrashOfTheModel(frameCount: Int?) async throws {
        let fixture = try Fixture()
        let broken = SourceMaker(name: "test") { _ in throw GleanerError(.fileSystem, "there is no camera") }
        for run in 0..<5 {
            let source = frameCount.map { frames($0, name: "\(run)", fails: true) } ?? broken
            await #expect(throws: GleanerError.self) { try await fixture.run(source) }
        }
        let active = try #require(try fixture.active)
        #expect(active.manifest.version == 2 && active.course.stage == .probation)
        #expect(active.course.crashCount == 0 && active.course.cutCount == 0 && active.course.openBoot == nil)
    }

    @Test func aRunThatNeverEndedIsACrash() async throws {
        let fixture = try Fixture()
        for crashCount in [0, 1] {
            // What a killed collector leaves.
            let id = try #require(try fixture.active).id
            try fixture.store.advance(id, .started(boot: BootID.current))
            #expect(try fixture.active?.course.crashCount == crashCount)
        }
        try await fixture.run(frames(3))
        #expect(try fixture.active?.manifest.version == 1)
        let rejected = try #require(try fixture.store.models().first)
        #expect(rejected.state == .rejected && rejected.reason == "the collector died 2 times under it")
        // No frame is lost by it.
        #expect(try fixture.store.status().offered == 3)
    }
}
