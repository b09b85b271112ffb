import GleanerCore

/// The input as its definition says, in the plainest way: one output value at a time, in floating point.
struct ReferenceInput {
    let frame: PixelBuffer
    let spec: InputSpec
    let levels: [UInt8]
    let scaledWidth: Int
    let scaledHeight: Int
    let offsetX: Int
    let offsetY: Int
    private var columnShares: [[(Int, Double)]] = []
    private var rowShares: [[(Int, Double)]] = []

    init(_ frame: PixelBuffer, _ spec: InputSpec) {
        self.frame = frame
        self.spec = spec
        levels = frame.levels
        let ratioX = Double(spec.width) / Double(frame.width)
        let ratioY = Double(spec.height) / Double(frame.height)
        if spec.fit == .stretch {
            (scaledWidth, scaledHeight) = (spec.width, spec.height)
        } else {
            let ratio = spec.fit == .letterbox ? min(ratioX, ratioY) : max(ratioX, ratioY)
            scaledWidth = Int((Double(frame.width) * ratio).rounded(.toNearestOrEven))
            scaledHeight = Int((Double(frame.height) * ratio).rounded(.toNearestOrEven))
        }
        offsetX = spec.width >= scaledWidth ? (spec.width - scaledWidth) / 2 : -((scaledWidth - spec.width) / 2)
        offsetY = spec.height >= scaledHeight ? (spec.height - scaledHeight) / 2 : -((scaledHeight - spec.height) / 2)
        columnShares = (0..<spec.width).map { shares($0 - offsetX, scale: scaleX, count: frame.width) }
        rowShares = (0..<spec.height).map { shares($0 - offsetY, scale: scaleY, count: frame.height) }
    }

    var scaleX: Double { Double(scaledWidth) / Double(frame.width) }
    var scaleY: Double { Double(scaledHeight) / Double(frame.height) }

    /// The largest difference of any element, in grey levels.
    func largestDifference(from input: TensorBuffer) -> Double {
        var largest = 0.0
        for y in 0..<spec.height {
            for x in 0..<spec.width {
                for channel in 0..<spec.channelCount {
                    let index =
                        spec.layout == .nchw
                        ? (channel * spec.height + y) * spec.width + x
                        : (y * spec.width + x) * spec.channelCount + channel
                    let std = Double(spec.std[channel % spec.std.count])
                    let mean = Double(spec.mean[channel % spec.mean.count])
                    let expected = (level(x, y, channel) * Double(spec.scale) - mean) / std
                    let gain = abs(Double(spec.scale) / std)
                    largest = max(largest, abs(Double(input.float(at: index)) - expected) / gain)
                }
            }
        }
        return largest
    }

    private func level(_ x: Int, _ y: Int, _ channel: Int) -> Double {
        let (column, row) = (x - offsetX, y - offsetY)
        guard (0..<scaledWidth).contains(column), (0..<scaledHeight).contains(row) else {
            return Double(spec.padValue)
        }
        var sum = 0.0
        for (sourceY, shareY) in rowShares[y] {
            for (sourceX, shareX) in columnShares[x] { sum += source(sourceX, sourceY, channel) * shareX * shareY }
        }
        return sum
    }

    private func source(_ x: Int, _ y: Int, _ channel: Int) -> Double {
        let pixel = (y * frame.width + x) * 3
        func value(_ c: Int) -> Double { Double(levels[pixel + c]) }
        return switch spec.color {
        case .rgb: value(channel)
        case .bgr: value(2 - channel)
        case .gray: 0.299 * value(0) + 0.587 * value(1) + 0.114 * value(2)
        }
    }

    /// The source positions that an output position mixes.
    private func shares(_ position: Int, scale: Double, count: Int) -> [(Int, Double)] {
        let center = (Double(position) + 0.5) / scale
        switch spec.filter {
        case .nearest:
            return [(min(Int(center), count - 1), 1)]
        case .bilinear:
            let left = (center - 0.5).rounded(.down)
            let share = center - 0.5 - left
            func clamp(_ value: Double) -> Int { min(max(Int(value), 0), count - 1) }
            return [(clamp(left), 1 - share), (clamp(left + 1), share)]
        case .antialiased:
            let reach = max(1, 1 / scale)
            var weights: [(Int, Double)] = []
            for source in 0..<count {
                let distance = abs(Double(source) + 0.5 - center)
                if distance < reach { weights.append((source, 1 - distance / reach)) }
            }
            let whole = weights.reduce(0.0) { $0 + $1.1 }
            return weights.map { ($0.0, $0.1 / whole) }
        }
    }
}
