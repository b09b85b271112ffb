import GleanerCore

/// Where a frame comes to lie in a model's input.
struct FrameFit: Equatable {
    /// The frame's size after scaling, before anything is cut off.
    var scaledWidth: Int
    var scaledHeight: Int
    /// Columns and rows of the scaled frame that a crop leaves out at its left and top.
    var cutX = 0
    var cutY = 0
    /// The part of the input that the frame covers.
    var contentX = 0
    var contentY = 0
    var contentWidth: Int
    var contentHeight: Int

    /// Sizes round to even as Python's `round` does, and an odd rest of padding goes to the right and bottom, as in
    /// the letterbox of most YOLO training code.
    init(frameWidth: Int, frameHeight: Int, spec: InputSpec) {
        let ratioX = Double(spec.width) / Double(frameWidth)
        let ratioY = Double(spec.height) / Double(frameHeight)
        func scaled(_ ratio: Double) -> (Int, Int) {
            (
                max(1, Int((Double(frameWidth) * ratio).rounded(.toNearestOrEven))),
                max(1, Int((Double(frameHeight) * ratio).rounded(.toNearestOrEven)))
            )
        }
        contentWidth = spec.width
        contentHeight = spec.height
        switch spec.fit {
        case .stretch:
            (scaledWidth, scaledHeight) = (spec.width, spec.height)
        case .letterbox:
            let (width, height) = scaled(min(ratioX, ratioY))
            (scaledWidth, scaledHeight) = (min(width, spec.width), min(height, spec.height))
            (contentWidth, contentHeight) = (scaledWidth, scaledHeight)
            contentX = (spec.width - scaledWidth) / 2
            contentY = (spec.height - scaledHeight) / 2
        case .crop:
            let (width, height) = scaled(max(ratioX, ratioY))
            (scaledWidth, scaledHeight) = (max(width, spec.width), max(height, spec.height))
            cutX = (scaledWidth - spec.width) / 2
            cutY = (scaledHeight - spec.height) / 2
        }
    }

    /// The frame stretched to a size.
    init(frameWidth: Int, frameHeight: Int, width: Int, height: Int) {
        self.init(frameWidth: frameWidth, frameHeight: frameHeight, spec: InputSpec(width: width, height: height))
    }

    /// How often one may halve a frame before it is scaled by this fit: once, twice or three times, or not at all.
    ///
    /// As long as twice the pixels are left that come to lie in the input, the antialiasing filter averages what is left
    /// of the difference away; Pillow's `thumbnail` draws the same line. The other filters pick single pixels, and would
    /// pick other ones.
    func halvings(frameWidth: Int, frameHeight: Int, filter: InputSpec.Filter) -> Int {
        guard filter == .antialiased else { return 0 }
        return (1...3).last { frameWidth >> $0 >= 2 * scaledWidth && frameHeight >> $0 >= 2 * scaledHeight } ?? 0
    }

    /// The way back to the frame, with the scales that rounding left rather than the ideal ones.
    func letterbox(frameWidth: Int, frameHeight: Int, spec: InputSpec) -> Letterbox {
        Letterbox(
            frameWidth: frameWidth, frameHeight: frameHeight, inputWidth: spec.width, inputHeight: spec.height,
            scaleX: Float(Double(scaledWidth) / Double(frameWidth)),
            scaleY: Float(Double(scaledHeight) / Double(frameHeight)),
            offsetX: Float(contentX - cutX), offsetY: Float(contentY - cutY))
    }
}
