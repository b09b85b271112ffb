import Foundation
public import GleanerCore

/// Reads the raw heads of the YOLO family: for each cell of a grid and each anchor the box, an objectness and classes.
///
/// YOLOv3 and its tiny form have `scale_x_y` 1, YOLOv4-tiny 1.05; Scaled-YOLOv4 and the raw heads of
/// YOLOv5 and YOLOv7 have `scale_x_y` 2 and `box_rule: square`. A head is `[1, anchors × (5 + classes), rows,
/// columns]`, with `layout: NHWC` `[1, rows, columns, anchors × (5 + classes)]`, or
/// `[1, anchors, rows, columns, 5 + classes]`.
///
/// With logits t, anchor sizes a in pixels of the input, σ the logistic function, s = `scale_x_y`:
/// centre = (σ(t) · s − (s − 1) / 2 + cell) / cells; size = exp(t) · a or (2 σ(t))² · a; score = σ(object) · σ(class).
/// Rule: github.com/AlexeyAB/darknet, `src/yolo_layer.c`.
public struct YOLOAnchorsDecoder: OutputDecoder {
    public static let entry = Registry<any OutputDecoder>.Entry(
        "yolo-anchors", "YOLOv3, YOLOv4 and their tiny forms from Darknet: raw heads with anchors, one or several"
    ) { YOLOAnchorsDecoder($0) }

    /// How a size comes out of a logit.
    public enum BoxRule: String, Sendable, CaseIterable { case exp, square }
    enum Layout: String, Sendable, CaseIterable { case nchw = "NCHW", nhwc = "NHWC" }

    struct Head: Sendable {
        let output: OutputReference
        /// Width and height in pixels of the input.
        let anchors: [SIMD2<Float>]
        let scaleXY: Float
    }

    public let task = ModelTask.detection
    public var scoreMin: Float? { options.scoreMin }

    let heads: [Head]
    let rule: BoxRule
    let layout: Layout
    let options: DetectionOptions

    init(_ options: OptionReader) {
        rule = options.choice("box_rule", BoxRule.self) ?? .exp
        layout = options.choice("layout", Layout.self) ?? .nchw
        let scale = options.number("scale_x_y", in: 1...4) ?? 1
        heads = options.sections("heads").map { Self.head($0, scale) }
        if heads.isEmpty {
            options.problems.add(
                "\(options.path).heads", "is needed: one section for each head of the model",
                remedy: "such as [{\"output\": \"yolo0\", \"anchors\": [[81, 82], [135, 169], [344, 319]]}]")
        }
        self.options = DetectionOptions(options)
    }

    private static func head(_ options: OptionReader, _ scaleXY: Double) -> Head {
        let anchors = options.numberLists("anchors", in: 0.01...100_000) ?? []
        if anchors.isEmpty || anchors.contains(where: { $0.count != 2 }) {
            options.problems.add(
                "\(options.path).anchors", "is needed: width and height of each anchor, in pixels of the input",
                remedy: "take them from the model's cfg: the anchors that the head's mask names")
        }
        let head = Head(
            output: OutputReference(options),
            anchors: anchors.compactMap { $0.count == 2 ? SIMD2(Float($0[0]), Float($0[1])) : nil },
            scaleXY: Float(options.number("scale_x_y", in: 1...4) ?? scaleXY))
        options.finish()
        return head
    }

    public func check(_ outputs: TensorOutputs, labelCount: Int) throws {
        for head in heads {
            let grid = try Grid(head.output.tensor(in: outputs), anchorCount: head.anchors.count, layout: layout)
            guard grid.classCount == labelCount else {
                throw GleanerError.classCount(grid.classCount, of: grid.tensor, labelCount: labelCount)
            }
        }
    }

    public func decode(
        _ outputs: TensorOutputs, undoing letterbox: Letterbox, into prediction: inout Prediction
    ) throws {
        var candidates = prediction.takeDetections()
        for head in heads {
            let grid = try Grid(head.output.tensor(in: outputs), anchorCount: head.anchors.count, layout: layout)
            collect(grid, head, letterbox, into: &candidates)
        }
        prediction = options.detections(from: &candidates, undoing: letterbox)
    }

    /// Most cells are told by the logit of their objectness alone: no score is larger.
    private func collect(_ grid: Grid, _ head: Head, _ letterbox: Letterbox, into candidates: inout [Detection]) {
        let floor = options.scoreFloor
        let logitMin = floor > 0 ? log(floor / max(1 - floor, .leastNormalMagnitude)) : -.infinity
        for anchor in head.anchors.indices {
            for cell in 0..<grid.cellCount where grid.value(anchor, 4, cell) >= logitMin {
                let (classIndex, logit) = grid.bestClass(anchor, cell)
                let score = sigmoid(grid.value(anchor, 4, cell)) * sigmoid(logit)
                guard score >= floor else { continue }
                let box = box(grid, anchor, cell, head, letterbox)
                candidates.append(Detection(box: box, classIndex: classIndex, score: score))
            }
        }
    }

    private func box(_ grid: Grid, _ anchor: Int, _ cell: Int, _ head: Head, _ letterbox: Letterbox) -> Box {
        let (row, column) = cell.quotientAndRemainder(dividingBy: grid.columnCount)
        let shift = (head.scaleXY - 1) / 2
        let centreX = sigmoid(grid.value(anchor, 0, cell)) * head.scaleXY - shift + Float(column)
        let centreY = sigmoid(grid.value(anchor, 1, cell)) * head.scaleXY - shift + Float(row)
        let width = size(grid.value(anchor, 2, cell)) * head.anchors[anchor].x
        let height = size(grid.value(anchor, 3, cell)) * head.anchors[anchor].y
        return Box(
            x: centreX / Float(grid.columnCount) * Float(letterbox.inputWidth) - width / 2,
            y: centreY / Float(grid.rowCount) * Float(letterbox.inputHeight) - height / 2, width: width,
            height: height)
    }

    private func size(_ logit: Float) -> Float {
        switch rule {
        case .exp: exp(logit)
        case .square: (2 * sigmoid(logit)) * (2 * sigmoid(logit))
        }
    }

    /// One head's output, whatever the order of its dimensions.
    private struct Grid {
        let tensor: TensorBuffer
        let rowCount: Int
        let columnCount: Int
        let classCount: Int
        private let values: UnsafeMutableBufferPointer<Float>
        private let anchorStride: Int
        private let attributeStride: Int
        private let cellStride: Int
        var cellCount: Int { rowCount * columnCount }

        init(_ tensor: TensorBuffer, anchorCount: Int, layout: Layout) throws {
            let shape = tensor.shape
            let attributeCount: Int
            switch (shape.count, layout) {
            case (5, _) where shape[0] == 1 && shape[1] == anchorCount:
                (rowCount, columnCount, attributeCount) = (shape[2], shape[3], shape[4])
                (anchorStride, attributeStride, cellStride) = (
                    rowCount * columnCount * attributeCount, 1, attributeCount
                )
            case (4, .nchw) where shape[0] == 1 && shape[1] % anchorCount == 0:
                (rowCount, columnCount, attributeCount) = (shape[2], shape[3], shape[1] / anchorCount)
                (anchorStride, attributeStride, cellStride) = (
                    rowCount * columnCount * attributeCount, rowCount * columnCount, 1
                )
            case (4, .nhwc) where shape[0] == 1 && shape[3] % anchorCount == 0:
                (rowCount, columnCount, attributeCount) = (shape[1], shape[2], shape[3] / anchorCount)
                (anchorStride, attributeStride, cellStride) = (attributeCount, 1, shape[3])
            default: throw Self.misfit(tensor, anchorCount, layout)
            }
            classCount = attributeCount - 5
            guard classCount > 0, tensor.elementCount > 0 else { throw Self.misfit(tensor, anchorCount, layout) }
            self.tensor = tensor
            values = tensor.floats
        }

        private static func misfit(_ tensor: TensorBuffer, _ anchorCount: Int, _ layout: Layout) -> GleanerError {
            let channels = "\(anchorCount) × (5 + classes)"
            let shape = layout == .nchw ? "[1, \(channels), rows, columns]" : "[1, rows, columns, \(channels)]"
            return GleanerError.mismatch(
                tensor, expected: "a head of \(anchorCount) anchors is \(shape)",
                remedy: "correct 'anchors' or 'layout' of the decoder")
        }

        func value(_ anchor: Int, _ attribute: Int, _ cell: Int) -> Float {
            values[anchor * anchorStride + attribute * attributeStride + cell * cellStride]
        }

        func bestClass(_ anchor: Int, _ cell: Int) -> (classIndex: Int, logit: Float) {
            var best = 0
            for index in 1..<max(classCount, 1) where value(anchor, 5 + index, cell) > value(anchor, 5 + best, cell) {
                best = index
            }
            return (best, value(anchor, 5 + best, cell))
        }
    }
}
