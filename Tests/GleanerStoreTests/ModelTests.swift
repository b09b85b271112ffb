import Foundation
import GleanerCore
import Testing

@testable import GleanerStore

@Suite struct ModelTests {
    private func states(_ store: DeploymentStore) throws -> [Int: ModelSlot.State] {
        try Dictionary(uniqueKeysWithValues: store.models().map { ($0.manifest.version, $0.state) })
    }

    @Test func activationsMoveTheOthersDown() throws {
        let fixture = try StoreFixture()
        let store = fixture.store
        #expect(try store.activeModel() == nil)
        for version in 1...3 { try ModelFixture(version).place(in: store) }
        #expect(try states(store) == [1: .staged, 2: .staged, 3: .staged])
        for version in 1...3 {
            try store.activate(ModelFixture(version).id)
            try ModelFixture(version).confirm(in: store)
        }
        #expect(try states(store) == [1: .retired, 2: .previous, 3: .active])
        try store.activate(ModelFixture(3).id)
        #expect(try states(store) == [1: .retired, 2: .previous, 3: .active])
        try store.activate(ModelFixture(2).id)
        try ModelFixture(2).confirm(in: store)
        #expect(try states(store) == [1: .retired, 2: .active, 3: .previous])
        try store.activate(ModelFixture(1).id)
        #expect(try states(store) == [1: .active, 2: .previous, 3: .retired])
        #expect(try store.models().map(\.activatedOrder) == [3, 4, 5])
        let bundle = try #require(try store.activeModel())
        #expect(bundle.manifest == ModelFixture(1).manifest)
        #expect(try String(contentsOf: bundle.file, encoding: .utf8) == "model 1")
    }

    @Test func aRollbackGoesBackOnce() throws {
        let fixture = try StoreFixture()
        let store = fixture.store
        #expect(throws: GleanerError.self) { try store.rollBack() }
        for version in 1...2 {
            try ModelFixture(version).place(in: store)
            try store.activate(ModelFixture(version).id)
        }
        #expect(try store.rollBack() == ModelFixture(1).id)
        #expect(try states(store) == [1: .active, 2: .retired])
        let error = try #require(throws: GleanerError.self) { try store.rollBack() }
        #expect(error.code == .modelState)
        #expect(try states(store) == [1: .active, 2: .retired])
    }

    @Test func aRejectedActiveModelGivesWayToThePrevious() throws {
        let fixture = try StoreFixture()
        let store = fixture.store
        for version in 1...2 {
            try ModelFixture(version).place(in: store)
            try store.activate(ModelFixture(version).id)
        }
        try store.advance(ModelFixture(2).id, .failed(reason: "not a number"))
        #expect(try states(store) == [1: .active, 2: .rejected])
        #expect(try store.model(named: "digits@2").reason == "not a number")
        let error = try #require(throws: GleanerError.self) { try store.activate(ModelFixture(2).id) }
        #expect(error.message.contains("not a number"))
        try store.advance(ModelFixture(1).id, .failed(reason: "worse"))
        #expect(try store.activeModel() == nil)
    }

    @Test func aStagedModelCanBeRejected() throws {
        let fixture = try StoreFixture()
        try ModelFixture(1).place(in: fixture.store)
        try fixture.store.advance(ModelFixture(1).id, .gateFailed(reason: "wrong shape"))
        #expect(try states(fixture.store) == [1: .rejected])
    }

    @Test func aModelIsNamedWithOrWithoutItsVersion() throws {
        let fixture = try StoreFixture()
        for version in 1...3 { try ModelFixture(version).place(in: fixture.store) }
        try fixture.store.advance(ModelFixture(3).id, .proofFailed(reason: "slow"))
        #expect(try fixture.store.model(named: "digits").manifest.version == 2)
        #expect(try fixture.store.model(named: "digits@1").manifest.version == 1)
        #expect(try fixture.store.model(named: "digits@3").state == .rejected)
        for name in ["digit", "digits@4", "digits@", "digits@x", ""] {
            #expect(throws: GleanerError.self) { try fixture.store.model(named: name) }
        }
    }

    @Test func stagingAgainChangesNothing() throws {
        let fixture = try StoreFixture()
        try ModelFixture(1).place(in: fixture.store)
        try fixture.store.activate(ModelFixture(1).id)
        try ModelFixture(1).place(in: fixture.store)
        #expect(try states(fixture.store) == [1: .active])
        #expect(try fixture.store.models().count == 1)
    }

    @Test func anUnknownModelIsAnError() throws {
        let fixture = try StoreFixture()
        let error = try #require(throws: GleanerError.self) { try fixture.store.activate(ModelFixture(9).id) }
        #expect(error.code == .notFound)
    }

    @Test func anImportThatDiedIsSweptByTheNext() throws {
        let fixture = try StoreFixture()
        try ModelFixture(1).place(in: fixture.store)
        try DurableFile.makeFolder(fixture.store.folder.models + "/digits-2-0badc0de")
        let lock = try fixture.store.beginImport()
        let error = try #require(throws: GleanerError.self) { try fixture.store.beginImport() }
        #expect(error.code == .importRunning)
        withExtendedLifetime(lock) {}
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: fixture.store.folder.models)
                == [DeploymentFolder.name(for: ModelFixture(1).id)])
    }

    @Test func theHistoryTellsWhatHappened() throws {
        let fixture = try StoreFixture()
        for version in 1...2 {
            try ModelFixture(version).place(in: fixture.store)
            try fixture.store.activate(ModelFixture(version).id)
        }
        try fixture.store.rollBack(reason: "it was slower")
        #expect(
            try fixture.store.events().map(\.kind) == [
                "model.rolled_back", "model.activated", "model.staged", "model.activated", "model.staged",
            ])
        #expect(try fixture.store.events(limit: 1).first?.message.contains("it was slower") == true)
    }
}
