import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

/// What becomes of models here, and what each is to the device, change together.
@Suite struct ModelCourseStoreTests {
    /// Each model's version with what it is and how far it has come: `2 active/probation`, the oldest first.
    private func places(_ store: DeploymentStore) throws -> [String] {
        try store.models().reversed().map { "\($0.manifest.version) \($0.state)/\($0.course.stage)" }
    }

    private func store(_ versions: ClosedRange<Int>) throws -> StoreFixture {
        let fixture = try StoreFixture()
        for version in versions { try ModelFixture(version).place(in: fixture.store) }
        return fixture
    }

    private func activate(_ versions: Int..., in store: DeploymentStore, inShadow: Bool = false) throws {
        for version in versions { try store.activate(ModelFixture(version).id, inShadow: inShadow) }
    }

    private func fail(_ version: Int, in store: DeploymentStore, _ reason: String = "it hangs") throws {
        try store.advance(ModelFixture(version).id, .failed(reason: reason))
    }

    // MARK: Activating

    @Test func whatServedWithoutAFaultBecomesThePrevious() throws {
        let fixture = try store(1...2)
        try activate(1, in: fixture.store)
        #expect(try places(fixture.store) == ["1 active/confirmed", "2 staged/gated"])
        try activate(2, in: fixture.store)
        #expect(try places(fixture.store) == ["1 previous/confirmed", "2 active/probation"])
        try fixture.store.advance(ModelFixture(2).id, .served(frameCount: 199))
        #expect(try fixture.store.slot(in: .active)?.course.servedCount == 199)
        try fixture.store.advance(ModelFixture(2).id, .served(frameCount: 1))
        #expect(try places(fixture.store) == ["1 previous/confirmed", "2 active/confirmed"])
    }

    @Test func whatIsReplacedInProbationIsRetiredAndTheConfirmedOneStaysThePrevious() throws {
        let fixture = try store(1...3)
        try activate(1, 2, 3, in: fixture.store)
        #expect(try places(fixture.store) == ["1 previous/confirmed", "2 retired/gated", "3 active/probation"])
        #expect(
            try fixture.store.model(named: "digits@2").reason
                == "replaced by \(ModelFixture(3).id) before it was confirmed")
        try fail(3, in: fixture.store)
        #expect(try places(fixture.store) == ["1 active/confirmed", "2 retired/gated", "3 rejected/rejected"])
    }

    @Test func whatWasNotProvedIsNotActivated() throws {
        let fixture = try store(1...1)
        try fixture.store.stage(ModelFixture(2).manifest, folderName: "two", course: ModelCourse())
        let error = try #require(throws: GleanerError.self) { try activate(2, in: fixture.store) }
        #expect(error.code == .modelState && error.message.contains("not proved yet"))
        #expect(try places(fixture.store) == ["1 staged/gated", "2 staged/staged"])
    }

    @Test func whatHasNoFilesIsNotActivated() throws {
        let fixture = try store(1...3)
        try activate(1, 2, 3, in: fixture.store)
        try fixture.store.removeRetiredModels()
        let error = try #require(throws: GleanerError.self) { try activate(2, in: fixture.store) }
        #expect(error.code == .modelState && error.remedy == "import it again")
        #expect(try places(fixture.store) == ["1 previous/confirmed", "2 retired/gated", "3 active/probation"])
    }

    // MARK: Failing

    @Test func whatFailsInProbationIsRejectedAndThePreviousServes() throws {
        let fixture = try store(1...2)
        try activate(1, 2, in: fixture.store)
        let action = try fixture.store.advance(ModelFixture(2).id, .failed(reason: "it hangs"))
        #expect(action == .goBack(reason: "it hangs"))
        #expect(try places(fixture.store) == ["1 active/confirmed", "2 rejected/rejected"])
        #expect(try fixture.store.model(named: "digits@2").reason == "it hangs")
        #expect(
            try fixture.store.events(limit: 2).map(\.kind) == ["model.rolled_back", "model.rejected"])
        // It served: it comes in again only when a person insists.
        #expect(try fixture.store.model(named: "digits@2").course.failedInService)
    }

    @Test func whatFailsAfterAnotherWasActivatedIsOnlyRejected() throws {
        let fixture = try store(1...3)
        try activate(1, 2, in: fixture.store)
        try ModelFixture(2).confirm(in: fixture.store)
        try activate(3, in: fixture.store)
        try fail(2, in: fixture.store)
        #expect(try places(fixture.store) == ["1 retired/confirmed", "2 rejected/rejected", "3 active/probation"])
        // There is nothing left to go back to.
        try fail(3, in: fixture.store)
        #expect(try fixture.store.slot(in: .active) == nil)
    }

    @Test func deathsUnderAModelTakeItBack() throws {
        let fixture = try store(1...2)
        try activate(1, 2, in: fixture.store)
        let id = ModelFixture(2).id
        for _ in 1...2 { #expect(try fixture.store.advance(id, .started(boot: "a")) == .none) }
        let action = try fixture.store.advance(id, .started(boot: "a"))
        #expect(action == .goBack(reason: "the collector died 2 times under it"))
        #expect(try places(fixture.store) == ["1 active/confirmed", "2 rejected/rejected"])
    }

    @Test func aProofThatFailsWhileTheModelServesGoesBackToo() throws {
        let fixture = try store(1...2)
        try activate(1, 2, in: fixture.store)
        try fixture.store.advance(ModelFixture(2).id, .proofFailed(reason: "slow"))
        #expect(try places(fixture.store) == ["1 active/confirmed", "2 rejected/rejected"])
    }

    /// Whoever names the one before wants it back: the other has not shown that it could be gone back to.
    @Test func activatingTheOneBeforeAnUnconfirmedOneIsGoingBack() throws {
        let fixture = try store(1...2)
        try activate(1, 2, 1, in: fixture.store)
        #expect(try places(fixture.store) == ["1 active/confirmed", "2 retired/gated"])
        #expect(throws: GleanerError.self) { try fixture.store.rollBack() }
        // What it does wrong from now on, it does in service.
        try fail(1, in: fixture.store)
        #expect(try fixture.store.model(named: "digits@1").course.failedInService)
    }

    @Test func activatingTheOneBeforeAConfirmedOneBeginsAProbation() throws {
        let fixture = try store(1...2)
        try activate(1, 2, in: fixture.store)
        try ModelFixture(2).confirm(in: fixture.store)
        try activate(1, in: fixture.store)
        #expect(try places(fixture.store) == ["1 active/probation", "2 previous/confirmed"])
    }

    // MARK: Refusing

    @Test func whatIsNotLetInIsRejectedAndItsVerdictIsKept() throws {
        let fixture = try StoreFixture()
        var course = ModelCourse()
        _ = course.handle(.proofFailed(reason: "it leaks"))
        try fixture.store.refuse(ModelFixture(1).manifest, course: course, verdict: "{}")
        let slot = try fixture.store.model(named: "digits@1")
        #expect(slot.state == .rejected && slot.course == course && slot.reason == "it leaks")
        #expect(slot.verdict == "{}" && slot.folderName == nil)
    }

    @Test func whatIsInUseKeepsItsPlaceWhenItIsRefused() throws {
        let fixture = try store(1...3)
        try activate(1, 2, in: fixture.store)
        try activate(3, in: fixture.store, inShadow: true)
        let before = try fixture.store.models()
        var course = ModelCourse()
        _ = course.handle(.gateFailed(reason: "worse"))
        for version in 1...3 {
            try fixture.store.refuse(ModelFixture(version).manifest, course: course, verdict: "{\"v\":\(version)}")
        }
        let after = try fixture.store.models()
        #expect(after.map(\.course) == before.map(\.course) && after.map(\.state) == before.map(\.state))
        #expect(after.map(\.folderName) == before.map(\.folderName))
        // What was found out is new.
        #expect(after.map(\.verdict) == [3, 2, 1].map { "{\"v\":\($0)}" })
    }

    // MARK: The shadow

    @Test func oneModelIsInTheShadowAtATime() throws {
        let fixture = try store(1...3)
        try activate(1, in: fixture.store)
        try activate(2, in: fixture.store, inShadow: true)
        #expect(try places(fixture.store) == ["1 active/confirmed", "2 shadow/shadow", "3 staged/gated"])
        try activate(3, in: fixture.store, inShadow: true)
        #expect(try places(fixture.store) == ["1 active/confirmed", "2 staged/gated", "3 shadow/shadow"])
        try fixture.store.advance(ModelFixture(3).id, .asked(frameCount: 10), verdict: "{\"shadow\":1}")
        #expect(try places(fixture.store) == ["1 previous/confirmed", "2 staged/gated", "3 active/probation"])
        // What was found out is written down with it.
        #expect(try fixture.store.model(named: "digits@3").verdict == "{\"shadow\":1}")
    }

    @Test func whatFailsInTheShadowTouchesNoOther() throws {
        let fixture = try store(1...2)
        try activate(1, in: fixture.store)
        try activate(2, in: fixture.store, inShadow: true)
        try fail(2, in: fixture.store)
        #expect(try places(fixture.store) == ["1 active/confirmed", "2 rejected/rejected"])
    }

    /// In the shadow it could not be gone back to.
    @Test func whatStandsReadyNeedsNoShadow() throws {
        let fixture = try store(1...2)
        try activate(1, 2, in: fixture.store)
        try ModelFixture(2).confirm(in: fixture.store)
        try activate(1, in: fixture.store, inShadow: true)
        #expect(try places(fixture.store) == ["1 active/probation", "2 previous/confirmed"])
    }

    // MARK: Rolling back

    @Test func aRollbackRetiresWhatServedAndItMayComeAgain() throws {
        let fixture = try store(1...2)
        try activate(1, 2, in: fixture.store)
        try fixture.store.advance(ModelFixture(2).id, .started(boot: "a"))
        #expect(try fixture.store.rollBack(reason: "it is slow") == ModelFixture(1).id)
        #expect(try places(fixture.store) == ["1 active/confirmed", "2 retired/gated"])
        #expect(try fixture.store.model(named: "digits@2").reason == "it is slow")
        try activate(2, in: fixture.store)
        #expect(try places(fixture.store) == ["1 previous/confirmed", "2 active/probation"])
        // The collector that ran under it before did not die under it now.
        #expect(try fixture.store.slot(in: .active)?.course.openBoot == nil)
    }
}
