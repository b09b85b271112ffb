import Foundation
import GleanerCore
import Testing

@testable import GleanerInference

/// What an embedding is computed by, as a digest.
@Suite struct BackboneDigestTests {
    private func digest(_ model: Data, _ tensor: String) -> Digest? {
        model.withUnsafeBytes { BackboneDigest.of(tensor, in: $0) }
    }

    /// Every tensor that a node of the model computes.
    private func tensors(_ model: Data) throws -> [String] {
        try model.withUnsafeBytes { try OnnxGraph($0, named: "the fixture").nodes.flatMap(\.outputs) }
    }

    @Test func anotherOutputBesideItChangesNothing() throws {
        let model = try Fixtures.model("classifier")
        for tensor in try tensors(model) {
            let tapped = Data(model.withUnsafeBytes { FeatureTap.tapping(tensor, in: $0) })
            #expect(digest(model, tensor) != nil)
            #expect(digest(tapped, tensor) == digest(model, tensor), "\(tensor)")
        }
    }

    @Test func tensorsThatAreComputedOtherwiseHaveOtherDigests() throws {
        let model = try Fixtures.model("classifier")
        let digests = try tensors(model).map { digest(model, $0) }
        #expect(Set(digests).count == digests.count)
        for other in ["relu", "softmax", "sqrt"] {
            let other = try Fixtures.model(other)
            #expect(Set(digests).isDisjoint(with: try tensors(other).map { digest(other, $0) }))
        }
    }

    /// The same length, so that no length before it changes.
    @Test func theNameOfAWeightDoesNotMatter() throws {
        let model = try Fixtures.model("classifier")
        let renamed = model.replacing(Data("head".utf8), with: Data("tail".utf8))
        #expect(renamed != model)
        #expect(digest(renamed, "out") == digest(model, "out"))
    }

    /// A retrained head on the same backbone.
    @Test func anotherHeadLeavesTheFeaturesAsTheyAre() throws {
        let model = try Fixtures.model("classifier")
        // The values lie before the tensor's name; this is a byte of the last one.
        let name = try #require(model.range(of: Data([0x42, 4] + "head".utf8)))
        let values = name.lowerBound - 2
        var retrained = model
        retrained[values] ^= 1
        #expect(digest(retrained, "out") != digest(model, "out"))
        #expect(digest(retrained, "features") == digest(model, "features"))
    }

    @Test func whatIsNoModelHasNone() {
        #expect(digest(Data("no model".utf8), "x") == nil)
    }
}
