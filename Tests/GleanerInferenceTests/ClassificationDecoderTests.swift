import Foundation
import GleanerCore
import GleanerInference
import GleanerTesting
import Testing

@Suite struct ClassificationDecoderTests {
    private let anyFit = Letterbox.same(width: 4, height: 4)

    private func decoder(_ options: [String: JSONValue] = [:]) throws -> any OutputDecoder {
        try DecoderSpec(name: "classification", options: options).make()
    }

    private func probabilities(
        _ tensor: TensorBuffer, _ options: [String: JSONValue] = [:]
    ) throws -> [Float] {
        let outputs = TensorOutputs([tensor])
        guard case .classification(let probabilities, _) = try decoder(options).decode(outputs, undoing: anyFit)
        else { return [] }
        return probabilities
    }

    private func bytes(_ type: ElementType, _ values: [UInt8]) -> TensorBuffer {
        let tensor = TensorBuffer(name: "out", elementType: type, shape: [1, values.count])
        for (index, value) in values.enumerated() { tensor.bytes[index] = value }
        return tensor
    }

    @Test func probabilitiesSumToOne() throws {
        #expect(try probabilities(TensorBuffer("out", [1, 3], [0.5, 0.25, 0.25])) == [0.5, 0.25, 0.25])
        #expect(try probabilities(TensorBuffer("out", [4], [0.25, 0.25, 0, 0])) == [0.5, 0.5, 0, 0])
    }

    @Test func logitsBecomeProbabilities() throws {
        // exp(ln 2) : exp(0) = 2 : 1
        let two = try probabilities(TensorBuffer("out", [1, 2], [log(2), 0]), ["activation": .string("logits")])
        #expect(abs(two[0] - 2.0 / 3) < 1e-6)
        // Far beyond what exp can take, and the same 2 : 1.
        let far = try probabilities(
            TensorBuffer("out", [1, 2], [-1e4 + log(2), -1e4]), ["activation": .string("logits")])
        #expect(abs(far[0] - 2.0 / 3) < 1e-3)
        #expect(
            try probabilities(TensorBuffer("out", [2], [3e38, -3e38]), ["activation": .string("logits")]) == [1, 0])
    }

    @Test func unsignedProbabilitiesAreParts() throws {
        let options: [String: JSONValue] = ["activation": .string("quantised")]
        #expect(try probabilities(bytes(.uint8, [0, 255, 0]), options) == [0, 1, 0])
        #expect(try probabilities(bytes(.uint8, [10, 30, 0]), options) == [0.25, 0.75, 0])
    }

    @Test func signedProbabilitiesBeginAtTheSmallest() throws {
        // 0x80 is −128, 0x7f is 127.
        #expect(try probabilities(bytes(.int8, [0x80, 0x7f]), ["activation": .string("quantised")]) == [0, 1])
    }

    @Test func aQuantisationMayBeGiven() throws {
        let options: [String: JSONValue] = [
            "activation": .string("quantised"), "quantised_scale": .number(0.01), "quantised_zero_point": .integer(100),
        ]
        // (175 − 100) / 100 and (125 − 100) / 100; what is a little below zero is zero.
        let found = try probabilities(bytes(.uint8, [175, 125, 99]), options)
        #expect(zip(found, [0.75, 0.25, 0]).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    @Test func logitsAreNotTakenForProbabilities() {
        for values: [Float] in [[3, 1], [0.5, -2]] {
            let error = failure { _ = try probabilities(TensorBuffer("out", [1, 2], values)) }
            #expect(error?.code == .outputNotProbability)
            #expect(error?.remedy.contains("logits") == true)
        }
    }

    @Test func aModelThatSaysNothingIsAnError() {
        #expect(code { _ = try probabilities(TensorBuffer("out", [2], [0, 0])) } == .outputNotProbability)
        let options: [String: JSONValue] = ["activation": .string("quantised")]
        #expect(code { _ = try probabilities(bytes(.uint8, [0, 0]), options) } == .outputNotProbability)
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity], ["logits", "probabilities"])
    func whatIsNotFiniteIsAnError(value: Float, activation: String) {
        let tensor = TensorBuffer("out", [1, 3], [0.2, value, 0.3])
        let error = failure { _ = try probabilities(tensor, ["activation": .string(activation)]) }
        #expect(error?.code == .outputNotFinite)
        #expect(error?.message.contains("'out'") == true)
    }

    @Test(.enabled(if: TestRuntime.isHereOrMust)) func aModelThatGivesNaNIsCaught() throws {
        let session = try TestRuntime.session("sqrt")
        session.input.fill([Float](repeating: -1, count: 12))
        let outputs = try session.run()
        #expect(code { _ = try decoder().decode(outputs, undoing: anyFit) } == .outputNotFinite)
    }

    @Test(arguments: [[3], [1, 3], [1, 3, 1, 1], [1, 1, 1, 3]])
    func oneNumberForEachClassFits(shape: [Int]) throws {
        try decoder().check(TensorOutputs([TensorBuffer("out", shape, [1, 0, 0])]), labelCount: 3)
    }

    @Test(arguments: [
        (TensorBuffer(name: "out", elementType: .float32, shape: [1, 4]), "4 classes"),
        (TensorBuffer(name: "out", elementType: .float32, shape: [3, 3]), "[3, 3]"),
        (TensorBuffer(name: "out", elementType: .float32, shape: [1, 0]), "0 classes"),
        (TensorBuffer(name: "out", elementType: .uint8, shape: [1, 3]), "uint8"),
        (TensorBuffer(name: "out", elementType: .int64, shape: [1, 3]), "int64"),
    ])
    func anOutputThatDoesNotFitIsDescribed(tensor: TensorBuffer, word: String) throws {
        let decoder = try decoder()
        let error = failure { try decoder.check(TensorOutputs([tensor]), labelCount: 3) }
        #expect(error?.code == .outputMismatch)
        #expect(error?.message.contains(word) == true)
        #expect(error?.remedy.isEmpty == false)
    }

    @Test func quantisedMeansWholeNumbers() throws {
        let outputs = TensorOutputs([TensorBuffer("out", [1, 3], [0, 0, 1])])
        let decoder = try decoder(["activation": .string("quantised")])
        #expect(code { try decoder.check(outputs, labelCount: 3) } == .outputMismatch)
    }

    @Test func theOutputIsFoundByName() throws {
        let outputs = TensorOutputs([TensorBuffer("scores", [2], [1, 0]), TensorBuffer("features", [2], [9, 9])])
        let named = try decoder(["output": .string("scores")])
        try named.check(outputs, labelCount: 2)
        #expect(try named.decode(outputs, undoing: anyFit) == .classification(probabilities: [1, 0]))

        let unnamed = failure { try decoder().check(outputs, labelCount: 2) }
        #expect(unnamed?.code == .outputMismatch)
        #expect(unnamed?.remedy.contains("'scores', 'features'") == true)
        let mistyped = failure { try decoder(["output": .string("score")]).check(outputs, labelCount: 2) }
        #expect(mistyped?.code == .outputMismatch)
        #expect(mistyped?.remedy.contains("did you mean 'scores'") == true)
    }

    @Test(
        arguments: [
            ["activation": .string("softmax")], ["quantised_scale": .integer(0)],
            ["quantised_zero_point": .integer(300)], ["outputs": .string("scores")],
        ] as [[String: JSONValue]])
    func aWrongOptionIsAProblem(options: [String: JSONValue]) {
        #expect(code { _ = try decoder(options) } == .malformed)
    }

    @Test func itKeepsTheContractOfDecoders() throws {
        let contract = OutputDecoderContract(labelCount: 3) {
            TensorOutputs([TensorBuffer("out", [1, 3], [0.1, 0.7, 0.2])])
        }
        #expect(contract.violations(of: try decoder()) == [])
    }
}

/// Classifiers whose classes do not exclude each other.
@Suite struct IndependentClassesTests {
    private func decoder(_ options: [String: JSONValue]) throws -> any OutputDecoder {
        try DecoderSpec(name: "classification", options: options).make()
    }

    private func probabilities(_ values: [Float], _ activation: String) throws -> [Float] {
        let outputs = TensorOutputs([TensorBuffer("out", [1, values.count], values)])
        let decoder = try decoder(["activation": .string(activation)])
        try decoder.check(outputs, labelCount: values.count)
        let prediction = try decoder.decode(outputs, undoing: .same(width: 4, height: 4))
        guard case .classification(let probabilities, _) = prediction else { return [] }
        return probabilities.map { ($0 * 1000).rounded() / 1000 }
    }

    @Test func eachLogitIsAProbabilityOfItsOwn() throws {
        // σ(ln 3) = 3/4, σ(0) = 1/2, σ(−ln 9) = 1/10.
        #expect(try probabilities([log(3), 0, -log(9)], "sigmoid") == [0.75, 0.5, 0.1])
    }

    @Test func probabilitiesAreNotMadeToSumToOne() throws {
        #expect(try probabilities([0.9, 0.8, 0.1], "independent") == [0.9, 0.8, 0.1])
        #expect(code { _ = try probabilities([3, 0, 0], "independent") } == .outputNotProbability)
    }

    @Test func onlyTheyClaimFromAScoreOn() throws {
        #expect(try decoder(["activation": .string("sigmoid")]).scoreMin == 0.5)
        #expect(try decoder(["activation": .string("independent"), "score_min": .number(0.3)]).scoreMin == 0.3)
        #expect(try decoder([:]).scoreMin == nil)
        #expect(code { _ = try decoder(["activation": .string("logits"), "score_min": .number(0.3)]) } == .malformed)
    }

    @Test(arguments: ["sigmoid", "independent"])
    func theyKeepTheContractOfDecoders(activation: String) throws {
        let contract = OutputDecoderContract(labelCount: 3) {
            TensorOutputs([TensorBuffer("out", [1, 3], [0.9, 0.8, 0.1])])
        }
        #expect(contract.violations(of: try decoder(["activation": .string(activation)])) == [])
    }
}
