import Foundation
import GleanerCore

/// Boxes from a detector's output, in plain loops.
enum PlainDetections {
    /// FastestDet's grid, `[1, 5 + classes, rows, columns]`.
    static func fastestDet(_ output: TensorBuffer, undoing letterbox: Letterbox) -> [Detection] {
        let (channelCount, rowCount, columnCount) = (output.shape[1], output.shape[2], output.shape[3])
        let values = output.floats
        var candidates: [Detection] = []
        for row in 0..<rowCount {
            for column in 0..<columnCount {
                func value(_ channel: Int) -> Float { values[(channel * rowCount + row) * columnCount + column] }
                var best = 5
                for channel in 5..<channelCount where value(channel) > value(best) { best = channel }
                let score = min(pow(max(value(0), 0), 0.6) * pow(max(value(best), 0), 0.4), 1)
                guard score >= 0.05 else { continue }
                let (width, height) = (Float(letterbox.inputWidth), Float(letterbox.inputHeight))
                let x = (tanh(value(1)) + Float(column)) / Float(columnCount) * width
                let y = (tanh(value(2)) + Float(row)) / Float(rowCount) * height
                candidates.append(
                    detection(x, y, sigmoid(value(3)) * width, sigmoid(value(4)) * height, best - 5, score))
            }
        }
        return inFrame(suppressed(candidates, overlapMax: 0.45), undoing: letterbox)
    }

    /// YOLOv8's table, `[1, 4 + classes, boxes]`.
    static func yolov8(_ output: TensorBuffer, undoing letterbox: Letterbox) -> [Detection] {
        let (attributeCount, boxCount) = (output.shape[1], output.shape[2])
        let values = output.floats
        var candidates: [Detection] = []
        for box in 0..<boxCount {
            func value(_ attribute: Int) -> Float { values[attribute * boxCount + box] }
            var best = 4
            for attribute in 4..<attributeCount where value(attribute) > value(best) { best = attribute }
            guard value(best) >= 0.05 else { continue }
            candidates.append(detection(value(0), value(1), value(2), value(3), best - 4, min(value(best), 1)))
        }
        return inFrame(suppressed(candidates, overlapMax: 0.7), undoing: letterbox)
    }

    private static func sigmoid(_ value: Float) -> Float { 1 / (1 + exp(-value)) }

    private static func detection(
        _ x: Float, _ y: Float, _ width: Float, _ height: Float, _ classIndex: Int, _ score: Float
    ) -> Detection {
        Detection(
            box: Box(x: x - width / 2, y: y - height / 2, width: width, height: height), classIndex: classIndex,
            score: score)
    }

    /// The best of boxes of a class that overlap too much, best first; of 3,000 candidates 300 at most.
    private static func suppressed(_ candidates: [Detection], overlapMax: Float) -> [Detection] {
        let order = candidates.indices.sorted { (-candidates[$0].score, $0) < (-candidates[$1].score, $1) }
        var kept: [Detection] = []
        for index in order.prefix(3000) where kept.count < 300 {
            let candidate = candidates[index]
            let isShown = kept.contains {
                $0.classIndex == candidate.classIndex && $0.box.overlap(with: candidate.box) > overlapMax
            }
            if !isShown { kept.append(candidate) }
        }
        return kept
    }

    private static func inFrame(_ detections: [Detection], undoing letterbox: Letterbox) -> [Detection] {
        detections.compactMap { detection in
            let box = detection.box
            let inFrame = letterbox.frameBox(x0: box.x, y0: box.y, x1: box.x + box.width, y1: box.y + box.height)
            return inFrame.map { Detection(box: $0, classIndex: detection.classIndex, score: detection.score) }
        }
    }
}
