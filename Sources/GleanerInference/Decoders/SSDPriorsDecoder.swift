import Foundation
public import GleanerCore

/// Reads the raw outputs of single-shot detectors: scores beside boxes as offsets from prior boxes.
///
/// Priors are laid out stride by stride, row by row, and in each cell one for each size of `sizes` (in pixels of the
/// input). With a prior's centre p and size s, both in shares of the input, variances v and offsets t:
/// centre = p + t · v₀ · s; size = s · exp(t · v₁). Liu et al., *SSD: Single Shot MultiBox Detector*, 2016.
public struct SSDPriorsDecoder: OutputDecoder {
    public static let entry = Registry<any OutputDecoder>.Entry(
        "ssd-priors", "SSD without its post-processing: scores beside offsets from prior boxes, such as UltraFace's"
    ) { SSDPriorsDecoder($0) }

    public let task = ModelTask.detection
    public var scoreMin: Float? { options.scoreMin }

    let outputs: ScoredBoxes
    let strides: [Int]
    /// For each stride the sizes of its priors; a prior is a square, or has a width and a height.
    let sizes: [[SIMD2<Float>]]
    let variances: SIMD2<Float>
    let options: DetectionOptions

    init(_ options: OptionReader) {
        outputs = ScoredBoxes(options, kind: .probabilities, background: .first)
        strides = options.integers("strides", in: 1...4096) ?? []
        sizes = Self.sizes(options)
        let pair = options.numbers("variances", in: 1e-6...100) ?? [0.1, 0.2]
        variances = SIMD2(Float(pair.first ?? 0.1), Float(pair.last ?? 0.2))
        if strides.isEmpty || strides.count != sizes.count || sizes.contains(where: \.isEmpty) {
            options.problems.add(
                "\(options.path).sizes", "must have a list of sizes for each of the \(strides.count) strides",
                remedy: "such as strides [8, 16] with sizes [[10, 16, 24], [32, 48]], from the training code")
        }
        if pair.count != 2 {
            options.problems.add(
                "\(options.path).variances", "must be two numbers, for centres and sizes", remedy: "such as [0.1, 0.2]")
        }
        self.options = DetectionOptions(options, scoreMin: 0.5)
    }

    private static func sizes(_ options: OptionReader) -> [[SIMD2<Float>]] {
        guard case .array(let strides)? = options.value("sizes") else { return [] }
        return strides.map { stride in
            guard case .array(let sizes) = stride else { return [] }
            let pairs = sizes.compactMap { size -> SIMD2<Float>? in
                switch size {
                case .integer(let side): SIMD2(repeating: Float(side))
                case .number(let side): SIMD2(repeating: Float(side))
                case .array(let sides):
                    sides.count == 2 ? Self.pair(sides) : nil
                default: nil
                }
            }
            return pairs.count == sizes.count ? pairs.filter { $0.x > 0 && $0.y > 0 && $0.max().isFinite } : []
        }
    }

    private static func pair(_ sides: [JSONValue]) -> SIMD2<Float>? {
        let numbers = sides.compactMap { side -> Float? in
            switch side {
            case .integer(let value): Float(value)
            case .number(let value): Float(value)
            default: nil
            }
        }
        return numbers.count == 2 ? SIMD2(numbers[0], numbers[1]) : nil
    }

    public func check(_ tensors: TensorOutputs, labelCount: Int) throws {
        try outputs.check(tensors, labelCount: labelCount)
    }

    public func decode(
        _ tensors: TensorOutputs, undoing letterbox: Letterbox, into prediction: inout Prediction
    ) throws {
        let reading = try outputs.reading(of: tensors)
        let priors = Priors(
            strides: strides, sizes: sizes, width: letterbox.inputWidth, height: letterbox.inputHeight)
        guard priors.count == reading.rowCount else {
            throw GleanerError.mismatch(
                reading.boxTensor,
                expected: "an input of \(letterbox.inputWidth) × \(letterbox.inputHeight) has \(priors.count) priors",
                remedy: "correct 'strides' and 'sizes' of the decoder")
        }
        try outputs.predict(from: reading, options, undoing: letterbox, into: &prediction) { row in
            let offset = reading.box(row)
            let prior = priors[row]
            let centre = prior.centre + offset.lowHalf * variances.x * prior.size
            let size = prior.size * SIMD2(exp(offset.z * variances.y), exp(offset.w * variances.y))
            let corner = centre - size / 2
            return Box(x: corner.x, y: corner.y, width: size.x, height: size.y)
        }
    }

    /// Prior boxes in the pixels of the input, computed when asked for.
    private struct Priors {
        private struct Grid {
            var first: Int
            var columnCount: Int
            var cell: SIMD2<Float>
            var sizes: [SIMD2<Float>]
        }
        private var grids: [Grid] = []
        private(set) var count = 0

        /// A grid has a cell for each stride begun.
        init(strides: [Int], sizes: [[SIMD2<Float>]], width: Int, height: Int) {
            for (stride, sizes) in zip(strides, sizes) {
                let columnCount = (width + stride - 1) / stride
                let rowCount = (height + stride - 1) / stride
                // As in UltraFace's and MobileNet-SSD's generators: cells are whole strides, also at the edge.
                grids.append(
                    Grid(
                        first: count, columnCount: max(columnCount, 1), cell: SIMD2(repeating: Float(stride)),
                        sizes: sizes))
                count += columnCount * rowCount * sizes.count
            }
        }

        subscript(index: Int) -> (centre: SIMD2<Float>, size: SIMD2<Float>) {
            guard let grid = grids.last(where: { $0.first <= index }), !grid.sizes.isEmpty else {
                return (.zero, .zero)
            }
            let (cell, number) = (index - grid.first).quotientAndRemainder(dividingBy: grid.sizes.count)
            let (row, column) = cell.quotientAndRemainder(dividingBy: grid.columnCount)
            return ((SIMD2(Float(column), Float(row)) + 0.5) * grid.cell, grid.sizes[number])
        }
    }
}
