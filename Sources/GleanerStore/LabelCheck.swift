import GleanerCore

/// Whether a label can be true of its sample.
struct LabelCheck {
    /// Boxes may reach so many pixels out of the frame: tools round. They are clipped.
    static let tolerancePixels: Float = 1

    /// `nil` allows any class.
    let classes: Set<String>?
    /// Whether the classes of classifiers do not exclude each other.
    var allowsSeveralClasses = false

    struct Refusal: Error {
        var reason: String
    }

    /// The label as it is stored: boxes clipped to the frame.
    func check(
        _ label: LabelRecord, unit: BoxUnit = .pixels, task: ModelTask?, width: Int, height: Int
    ) throws(Refusal) -> LabelRecord {
        var label = label
        switch label.value {
        case .unusable: break
        case .classified(let name):
            guard task != .detection else { throw Refusal(reason: "a class for a sample whose model finds boxes") }
            try check(name)
            if allowsSeveralClasses { label.value = .classes([name]) }
        case .classes(let names):
            guard task != .detection else { throw Refusal(reason: "classes for a sample whose model finds boxes") }
            for name in names { try check(name) }
            let sorted = Set(names).sorted()
            if allowsSeveralClasses {
                label.value = .classes(sorted)
            } else if let name = sorted.first, sorted.count == 1 {
                label.value = .classified(name)
            } else {
                throw Refusal(reason: "\(sorted.count) classes for a sample whose model gives exactly one")
            }
        case .boxes(let boxes):
            // Formats that know boxes alone say of a frame that shows nothing that it has none.
            if boxes.isEmpty, task == .classification, allowsSeveralClasses {
                label.value = .classes([])
                return label
            }
            guard task != .classification else { throw Refusal(reason: "boxes for a sample whose model gives a class") }
            var clipped: [LabeledBox] = []
            for labeled in boxes {
                try check(labeled.label)
                let inPixels = unit == .pixels ? labeled.box : Self.scaled(labeled.box, Float(width), Float(height))
                let box = try clip(inPixels, width: Float(width), height: Float(height))
                clipped.append(LabeledBox(label: labeled.label, box: box))
            }
            label.value = .boxes(clipped)
        }
        return label
    }

    private static func scaled(_ box: Box, _ width: Float, _ height: Float) -> Box {
        Box(x: box.x * width, y: box.y * height, width: box.width * width, height: box.height * height)
    }

    private func check(_ name: String) throws(Refusal) {
        guard !name.isEmpty, name.utf8.count <= 500 else { throw Refusal(reason: "a class without a usable name") }
        guard let classes, !classes.contains(name) else { return }
        throw Refusal(reason: "the class '\(name.prefix(100))' is none of the model's")
    }

    private func clip(_ box: Box, width: Float, height: Float) throws(Refusal) -> Box {
        let right = box.x + box.width
        let bottom = box.y + box.height
        guard box.x.isFinite, box.y.isFinite, right.isFinite, bottom.isFinite else {
            throw Refusal(reason: "a box whose coordinates are not finite")
        }
        guard box.width > 0, box.height > 0 else { throw Refusal(reason: "a box without area") }
        let slack = Self.tolerancePixels
        guard box.x >= -slack, box.y >= -slack, right <= width + slack, bottom <= height + slack else {
            throw Refusal(reason: "a box outside the frame of \(Int(width))×\(Int(height)) pixels")
        }
        // Left alone where nothing is to clip, so that a label that comes back is the one that went out.
        let left = max(0, box.x)
        let top = max(0, box.y)
        let clipped = Box(
            x: left, y: top, width: right > width || left > box.x ? min(right, width) - left : box.width,
            height: bottom > height || top > box.y ? min(bottom, height) - top : box.height)
        guard clipped.width > 0, clipped.height > 0 else { throw Refusal(reason: "a box without area in the frame") }
        return clipped
    }
}
