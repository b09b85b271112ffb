import Foundation
import GleanerCore
import Testing

@testable import GleanerStore

/// Whatever people and collectors do with models, in whatever order, the device has what it needs.
@Suite struct ModelCourseWalkTests {
    private enum Step: Hashable {
        case stage, activate, shadow, started(String), stopped, served(Int), fail, proofFails, refuse, rollBack,
            makeRoom
    }

    @Test(arguments: [UInt64(1), 2, 3]) func whateverIsDoneWithModelsTheyKeepTheirPlaces(seed: UInt64) throws {
        let fixture = try StoreFixture()
        let store = fixture.store
        var numbers = SeededGenerator(seed: seed)
        var limits = ModelCourse.Limits()
        (limits.shadowFrameCount, limits.probationFrameCount) = (5, 10)
        var seen: Set<String> = []
        for number in 0..<300 {
            let step = Self.step(&numbers)
            let model = ModelFixture(Int.random(in: 1...4, using: &numbers))
            let before = try store.models()
            do {
                try take(step, model, in: store, limits)
            } catch let error as GleanerError where [.modelState, .notFound].contains(error.code) {
                #expect(try store.models() == before, "seed \(seed), \(number): \(step) was refused and did something")
            }
            let after = try store.models()
            let broken = Self.broken(step, model, before, after)
            try #require(broken == nil, "seed \(seed), \(number): \(step) of \(model.id.version) in \(before)")
            seen.formUnion(after.map { "\($0.state)/\($0.course.stage)" })
        }
        // It came about.
        for place in [
            "active/probation", "active/confirmed", "previous/confirmed", "shadow/shadow", "rejected/rejected",
        ] {
            #expect(seen.contains(place), "seed \(seed): never \(place)")
        }
    }

    private func take(
        _ step: Step, _ model: ModelFixture, in store: DeploymentStore, _ limits: ModelCourse.Limits
    ) throws {
        switch step {
        case .stage: try stage(model, in: store)
        case .activate: try store.activate(model.id)
        case .shadow: try store.activate(model.id, inShadow: true)
        case .started(let boot): try store.advance(model.id, .started(boot: boot), limits: limits)
        case .stopped: try store.advance(model.id, .stopped, limits: limits)
        case .served(let frameCount):
            try store.advance(model.id, .asked(frameCount: frameCount), limits: limits)
            try store.advance(model.id, .served(frameCount: frameCount), limits: limits)
        case .fail: try store.advance(model.id, .failed(reason: "it failed"), limits: limits)
        case .proofFails: try store.advance(model.id, .proofFailed(reason: "it leaks"), limits: limits)
        case .refuse:
            var course = try store.models().first { $0.id == model.id }?.course ?? ModelCourse()
            _ = course.handle(.gateFailed(reason: "worse"))
            try store.refuse(model.manifest, course: course, verdict: "{}")
        case .rollBack: try store.rollBack()
        case .makeRoom: try store.removeRetiredModels()
        }
    }

    /// As an import does.
    private func stage(_ model: ModelFixture, in store: DeploymentStore) throws {
        let here = try store.models().first { $0.id == model.id }
        var course = here?.course ?? ModelCourse()
        for event in [ModelCourse.Event.importedAgain(insists: true), .proved, .gated] { _ = course.handle(event) }
        let name = DeploymentFolder.name(for: model.id)
        try store.stage(model.manifest, folderName: name, course: course == here?.course ? nil : course)
    }

    /// What does not hold after a step; `nil` when all does.
    private static func broken(
        _ step: Step, _ model: ModelFixture, _ before: [ModelSlot], _ after: [ModelSlot]
    ) -> String? {
        let isOnlyOne = [ModelSlot.State.active, .previous, .shadow].allSatisfy { state in
            after.count { $0.state == state } <= 1
        }
        let agree = after.allSatisfy { slot in
            let stage = slot.course.stage
            return (slot.state == .rejected) == (stage == .rejected) && (slot.state == .shadow) == (stage == .shadow)
                && (slot.state != .active || stage == .probation || stage == .confirmed)
                && (stage != .probation || slot.state == .active)
        }
        let inUse: Set<ModelSlot.State> = [.active, .previous, .shadow, .staged]
        let haveFiles = after.allSatisfy { !inUse.contains($0.state) || $0.folderName != nil }
        let active = before.first { $0.state == .active }
        let mayVanish = active?.id == model.id && !before.contains { $0.state == .previous }
        let stays = active == nil || after.contains { $0.state == .active } || isFailure(step) && mayVanish
        let holds: [(String, Bool)] = [
            ("at most one of each", isOnlyOne), ("state and stage agree", agree),
            ("what is in use has files", haveFiles), ("a model stays active", stays),
            ("no model is forgotten", Set(before.map(\.id)).isSubset(of: after.map(\.id))),
        ]
        return holds.first { !$0.1 }?.0
    }

    private static func isFailure(_ step: Step) -> Bool {
        switch step {
        case .fail, .proofFails, .started: true
        default: false
        }
    }

    private static func step(_ numbers: inout SeededGenerator) -> Step {
        switch Int.random(in: 0..<26, using: &numbers) {
        case 0...4: .stage
        case 5...8: .activate
        case 9, 10: .shadow
        case 11...14: .started(Bool.random(using: &numbers) ? "a" : "b")
        case 15, 16: .stopped
        case 17...20: .served(Int.random(in: 0...8, using: &numbers))
        case 21: .fail
        case 22: .proofFails
        case 23: .refuse
        case 24: .rollBack
        default: .makeRoom
        }
    }
}
