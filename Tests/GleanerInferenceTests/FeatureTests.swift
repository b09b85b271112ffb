import Foundation
import GleanerCore
import Testing

@testable import GleanerInference

@Suite struct FeatureTests {
    private func graph(_ model: Data) throws -> OnnxGraph {
        try model.withUnsafeBytes { try OnnxGraph($0, named: "it") }
    }

    @Test func theInputOfTheLastFullyConnectedLayerIsTaken() throws {
        let graph = try graph(Fixtures.model("classifier"))
        #expect(FeatureSearch(graph: graph).best?.tensor == "features")
        #expect(graph.weights["head"] == [8, 3])
        #expect(graph.outputs == ["out"])
        // The convolution's map, after its activation, fits too.
        #expect(FeatureSearch(graph: graph).all(limit: 9).map(\.tensor) == ["features", "map"])
    }

    @Test func aDetectorGivesItsDeepestMap() throws {
        let search = FeatureSearch(graph: try graph(Fixtures.model("detector")))
        // Shrunk by 2 and 2 again, then widened; the head's own output is no feature.
        #expect(search.best == .init(tensor: "deep", reason: "feature map, 1/4 of the input's size"))
        #expect(search.all(limit: 9).map(\.tensor) == ["deep", "wide", "shallow"])
    }

    @Test func aModelWithoutLayersHasNone() throws {
        #expect(FeatureSearch(graph: try graph(Fixtures.model("relu"))).best == nil)
    }

    @Test(.enabled(if: TestRuntime.isHereOrMust)) func anyTensorInsideIsGivenWithoutAnotherExport() throws {
        let session = try TestRuntime.session("classifier") {
            $0.width = 4; $0.height = 4
        }
        session.input.fill((0..<48).map { Float($0) / 48 })
        let outputs = try session.run()
        #expect(outputs.tensors.map(\.name) == ["out"])
        #expect(outputs.features?.name == "features" && outputs.features?.shape == [1, 8])
        var manifest = ModelManifest.tiny {
            $0.width = 4; $0.height = 4
        }
        manifest.embedding = "map"
        let tapped = try TestRuntime.engine().loadSession(for: manifest, model: Fixtures.model("classifier"))
        tapped.input.fill((0..<48).map { Float($0) / 48 })
        let map = try #require(try tapped.run().features)
        #expect(map.shape == [1, 2, 2, 2])
        // Flattened, the map is the features.
        #expect(map.values == outputs.features?.values)
    }

    @Test(.enabled(if: TestRuntime.isHereOrMust)) func aTensorThatIsNotThereIsNamedWithTheNearest() throws {
        var manifest = ModelManifest.tiny {
            $0.width = 4; $0.height = 4
        }
        manifest.embedding = "feature"
        let error = failure {
            _ = try TestRuntime.engine().loadSession(for: manifest, model: Fixtures.model("classifier"))
        }
        #expect(error?.code == .modelWithoutTensor && error?.remedy.contains("'features'") == true)
    }

    @Test(.enabled(if: TestRuntime.isHereOrMust)) func withoutFeaturesAModelRunsAsBefore() throws {
        let engine = try TestRuntime.engine { $0.givesFeatures = false }
        let manifest = ModelManifest.tiny {
            $0.width = 4; $0.height = 4
        }
        let session = try engine.loadSession(for: manifest, model: Fixtures.model("classifier"))
        #expect(try session.run().features == nil)
    }

    private func pooled(_ features: TensorBuffer) -> Embedding? {
        var former = Embedding([Float](repeating: 1, count: 100))
        return Embedding(pooling: features, reusing: &former)
    }

    /// By hand: means of each channel's map; of tokens; or the numbers themselves.
    @Test func featuresArePooledToOneNumberAChannel() throws {
        let map = TensorBuffer("f", [1, 2, 2, 2], [1, 2, 3, 6, 0, 0, 0, -4])
        #expect(pooled(map) == Embedding([3, -1]))
        let tokens = TensorBuffer("f", [1, 2, 3], [1, 2, 3, 3, 2, 1])
        #expect(pooled(tokens) == Embedding([2, 2, 2]))
        let plain = TensorBuffer("f", [1, 3], [1, 2, 3])
        #expect(pooled(plain) == Embedding([1, 2, 3]))
        #expect(pooled(TensorBuffer("f", [1, 3], [0, 0, 0])) == nil)
    }

    @Test func aGraphCutAnywhereIsAnErrorOrAGraph() throws {
        let whole = Array(try Fixtures.model("classifier"))
        for count in 0..<whole.count {
            let cut = Array(whole[..<count])
            let code = code { _ = try cut.withUnsafeBytes { try OnnxGraph($0, named: "it") } }
            #expect(code == nil || code == .modelCorrupt)
        }
    }
}
