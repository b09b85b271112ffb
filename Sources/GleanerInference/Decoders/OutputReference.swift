import GleanerCore

/// Which output a decoder reads, and what whole numbers in it stand for.
///
/// As an option: the output's name, or a section with `name`, `scale` and `zero_point`, where a quantised number q
/// is `(q − zero_point) × scale`. Without any name it is the model's only output.
struct OutputReference: Sendable {
    let name: String?
    private let scale: Float?
    private let zeroPoint: Float

    init(_ options: OptionReader, _ key: String = "output") {
        guard case .object? = options.value(key) else {
            name = options.string(key)
            (scale, zeroPoint) = (nil, 0)
            return
        }
        let section = options.section(key)
        name = section.string("name")
        scale = section.number("scale", in: 1e-9...1e9).map { Float($0) }
        zeroPoint = Float(section.integer("zero_point", in: -128...255) ?? 0)
        section.finish()
    }

    /// The output in floats, all of them finite. One that holds floats is read in place; another is copied.
    ///
    /// - Throws: ``GleanerError`` with code `output.mismatch` or `output.not_finite`.
    func tensor(in outputs: TensorOutputs) throws -> TensorBuffer { try floats(of: outputs.output(named: name)) }

    /// The output of the reference's name, else the only one that `isIt` says yes to.
    ///
    /// - Parameters:
    ///   - key: The option that names it, for the message.
    func tensor(in outputs: TensorOutputs, key: String, where isIt: (TensorBuffer) -> Bool) throws -> TensorBuffer {
        if name != nil { return try tensor(in: outputs) }
        guard let only = outputs.tensors.first(where: isIt), outputs.tensors.count(where: isIt) == 1 else {
            let known = outputs.tensors.map { "'\($0.name)' \(ShapeText.of($0.shape))" }.joined(separator: ", ")
            throw GleanerError(
                .outputMismatch, "which output holds the \(key) cannot be told: there are \(known)",
                remedy: "name it as '\(key)' of the decoder")
        }
        return try floats(of: only)
    }

    private func floats(of tensor: TensorBuffer) throws -> TensorBuffer {
        try tensor.requireFinite()
        if tensor.elementType == .float32 { return tensor }
        // Halves are floats; classes and counts are whole numbers that mean themselves; bytes are always quantised.
        let isByte = tensor.elementType == .uint8 || tensor.elementType == .int8
        guard let scale = scale ?? (isByte ? nil : 1) else {
            throw GleanerError.mismatch(
                tensor, expected: "it is quantised, and its scale is not known",
                remedy: "write its 'name', 'scale' and 'zero_point' where the decoder names the output")
        }
        let copy = TensorBuffer(name: tensor.name, elementType: .float32, shape: tensor.shape)
        for index in 0..<tensor.elementCount { copy.floats[index] = (tensor.float(at: index) - zeroPoint) * scale }
        return copy
    }
}

extension TensorBuffer {
    /// The class that an element names by a number; whether there is a label for it is not known here.
    ///
    /// - Throws: ``GleanerError`` with code `output.mismatch` when it is no whole number that could be one.
    func classIndex(at index: Int) throws -> Int {
        let number = float(at: index)
        if number.magnitude < 1e6, let classIndex = Int(exactly: number) { return classIndex }
        throw GleanerError.mismatch(
            self, expected: "it names the class \(number), which is no whole number",
            remedy: "use the decoder of the model's kind")
    }

    /// The shape without the dimensions of 1 that lead it: a batch of one frame is no dimension to a decoder.
    var frameShape: [Int] { Array(shape.drop { $0 == 1 }) }

    /// Rows and columns, of at least `columnCountMin` columns.
    ///
    /// A frame with a single row reads the same with and without its dimension of 1.
    func table(columnCountMin: Int, expected: String) throws -> (rowCount: Int, columnCount: Int) {
        let leading = shape.dropLast(2)
        guard let columnCount = shape.last, columnCount >= columnCountMin, leading.allSatisfy({ $0 == 1 }) else {
            throw GleanerError.mismatch(self, expected: expected, remedy: "use the decoder of the model's kind")
        }
        return (shape.dropLast().last ?? 1, columnCount)
    }
}
