import Foundation
public import GleanerCore

/// Reads the outputs of classifiers: one number for each class.
public struct ClassificationDecoder: OutputDecoder {
    /// What the numbers are.
    public enum Activation: String, Sendable, CaseIterable {
        /// Probabilities, as a softmax inside the model leaves them.
        case probabilities
        /// Any numbers, larger for likelier classes; softmax makes probabilities of them.
        case logits
        /// Any numbers, larger for likelier classes that do not exclude each other; the logistic function makes a
        /// probability of each.
        case sigmoid
        /// Probabilities of classes that do not exclude each other.
        case independent
        /// Probabilities as small whole numbers: `(number − quantised_zero_point) × quantised_scale`.
        case quantised
    }

    public static let entry = Registry<any OutputDecoder>.Entry(
        "classification", "one number for each class, of which one is true, or (sigmoid, independent) any number"
    ) { ClassificationDecoder($0) }

    public let task = ModelTask.classification
    public let scoreMin: Float?

    let output: String?
    let activation: Activation
    let quantisedScale: Float
    /// `nil`: the smallest number of the type, which is how exporters quantise probabilities.
    let quantisedZeroPoint: Int?

    init(_ options: OptionReader) {
        output = options.string("output")
        activation = options.choice("activation", Activation.self) ?? .probabilities
        quantisedScale = Float(options.number("quantised_scale", in: 1e-9...1e9) ?? 1.0 / 256)
        quantisedZeroPoint = options.integer("quantised_zero_point", in: -128...255)
        let isExclusive = activation != .sigmoid && activation != .independent
        scoreMin = isExclusive ? nil : Float(options.number("score_min", in: 0...1) ?? 0.5)
    }

    public func check(_ outputs: TensorOutputs, labelCount: Int) throws {
        let tensor = try outputs.output(named: output)
        let isWhole = tensor.elementType == .uint8 || tensor.elementType == .int8
        let isFloat = tensor.elementType == .float32 || tensor.elementType == .float16
        guard activation == .quantised ? isWhole : isFloat else {
            throw GleanerError.mismatch(
                tensor,
                expected:
                    "'\(activation.rawValue)' are \(activation == .quantised ? "uint8 or int8" : "float32 or float16")",
                remedy:
                    "set 'activation' of the decoder: 'quantised' for uint8 and int8, else 'probabilities' or 'logits'")
        }
        guard tensor.shape.count(where: { $0 != 1 }) <= 1 else {
            throw GleanerError.mismatch(
                tensor, expected: "a classifier gives one number for each class, such as [1, \(labelCount)]",
                remedy: "name the classifier's output as 'output', or use the decoder of its kind")
        }
        guard tensor.elementCount == labelCount, labelCount > 0 else {
            throw GleanerError.mismatch(
                tensor, expected: "it has \(tensor.elementCount) classes, and there are \(labelCount) labels",
                remedy: "write all the labels of the model, in its order, into \(ModelManifest.fileName)")
        }
    }

    public func decode(
        _ outputs: TensorOutputs, undoing letterbox: Letterbox, into prediction: inout Prediction
    ) throws {
        let tensor = try outputs.output(named: output)
        try tensor.requireFinite()
        var numbers = prediction.takeProbabilities()
        for index in 0..<tensor.elementCount { numbers.append(tensor.float(at: index)) }
        var logSumExp: Float?
        switch activation {
        case .logits:
            // Less the largest, so that none overflows.
            let largest = numbers.max() ?? 0
            for index in numbers.indices { numbers[index] = exp(numbers[index] - largest) }
            logSumExp = largest + log(numbers.reduce(0, +))
        case .sigmoid:
            for index in numbers.indices { numbers[index] = sigmoid(numbers[index]) }
            return prediction = .classification(probabilities: numbers)
        case .independent:
            try Self.clamp(&numbers, of: tensor)
            return prediction = .classification(probabilities: numbers)
        case .probabilities: try Self.clamp(&numbers, of: tensor)
        case .quantised:
            let zero = Float(quantisedZeroPoint ?? (tensor.elementType == .int8 ? -128 : 0))
            for index in numbers.indices { numbers[index] = (numbers[index] - zero) * quantisedScale }
            try Self.clamp(&numbers, of: tensor)
        }
        try Self.normalise(&numbers, of: tensor)
        prediction = .classification(probabilities: numbers, logSumExp: logSumExp)
    }

    /// Rounding may push a probability a little out of 0…1; more than that is something else, most often logits.
    private static let tolerance: Float = 0.01

    private static func clamp(_ numbers: inout [Float], of tensor: TensorBuffer) throws {
        for index in numbers.indices {
            let number = numbers[index]
            guard number >= -tolerance, number <= 1 + tolerance else {
                throw GleanerError(
                    .outputNotProbability, "\(tensor.placeText) holds \(number), which is no probability",
                    remedy:
                        "set 'activation' of the decoder to 'logits' or 'sigmoid', or correct the 'quantised_' options")
            }
            numbers[index] = min(max(number, 0), 1)
        }
    }

    private static func normalise(_ numbers: inout [Float], of tensor: TensorBuffer) throws {
        let sum = numbers.reduce(0, +)
        guard sum > 0 else {
            throw GleanerError(
                .outputNotProbability, "\(tensor.placeText) gives every class the probability 0",
                remedy: "check that the model's input is scaled as in training")
        }
        for index in numbers.indices { numbers[index] /= sum }
    }
}
