import GleanerCore

/// How four numbers make a box of the model's input.
struct BoxCoding: Sendable {
    /// What the four numbers are; `c` is the centre.
    enum Order: String, Sendable, CaseIterable { case xyxy, yxyx, xywh, cxcywh }
    /// Whether they count pixels of the input, or are shares of its width and height.
    enum Unit: String, Sendable, CaseIterable { case pixels, fraction }

    let order: Order
    let unit: Unit

    init(_ options: OptionReader, order: Order, unit: Unit) {
        self.order = options.choice("box_order", Order.self) ?? order
        self.unit = options.choice("box_unit", Unit.self) ?? unit
    }

    func box(_ numbers: SIMD4<Float>, in letterbox: Letterbox) -> Box {
        box(numbers.x, numbers.y, numbers.z, numbers.w, in: letterbox)
    }

    /// The box in the pixels of the input.
    func box(_ a: Float, _ b: Float, _ c: Float, _ d: Float, in letterbox: Letterbox) -> Box {
        let box =
            switch order {
            case .xyxy: Box(x: a, y: b, width: c - a, height: d - b)
            case .yxyx: Box(x: b, y: a, width: d - b, height: c - a)
            case .xywh: Box(x: a, y: b, width: c, height: d)
            case .cxcywh: Box(x: a - c / 2, y: b - d / 2, width: c, height: d)
            }
        guard unit == .fraction else { return box }
        let (width, height) = (Float(letterbox.inputWidth), Float(letterbox.inputHeight))
        return Box(x: box.x * width, y: box.y * height, width: box.width * width, height: box.height * height)
    }
}
