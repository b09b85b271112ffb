import GleanerCore

/// A model's input from a frame, in the plainest loops that give the very bits of the kernel.
struct PlainInput {
    /// What an output position along one axis mixes.
    struct Tap {
        var position: Int
        var weight: Int32
    }

    let spec: InputSpec
    let frame: PixelBuffer
    private let fit: (scaledWidth: Int, scaledHeight: Int, x: Int, y: Int, cutX: Int, cutY: Int)
    private let columns: [[Tap]]
    private let rows: [[Tap]]

    init(_ spec: InputSpec, _ frame: PixelBuffer) {
        self.spec = spec
        self.frame = frame
        let ratios = (Double(spec.width) / Double(frame.width), Double(spec.height) / Double(frame.height))
        var fit = (scaledWidth: spec.width, scaledHeight: spec.height, x: 0, y: 0, cutX: 0, cutY: 0)
        if spec.fit != .stretch {
            let ratio = spec.fit == .letterbox ? min(ratios.0, ratios.1) : max(ratios.0, ratios.1)
            fit.scaledWidth = Int((Double(frame.width) * ratio).rounded(.toNearestOrEven))
            fit.scaledHeight = Int((Double(frame.height) * ratio).rounded(.toNearestOrEven))
            (fit.x, fit.y) = (max(spec.width - fit.scaledWidth, 0) / 2, max(spec.height - fit.scaledHeight, 0) / 2)
            (fit.cutX, fit.cutY) = (
                max(fit.scaledWidth - spec.width, 0) / 2, max(fit.scaledHeight - spec.height, 0) / 2
            )
        }
        self.fit = fit
        columns = Self.taps(
            frame.width, fit.scaledWidth, fit.cutX, min(spec.width, fit.scaledWidth), spec.filter, isRow: true)
        rows = Self.taps(
            frame.height, fit.scaledHeight, fit.cutY, min(spec.height, fit.scaledHeight), spec.filter, isRow: false)
    }

    private static func taps(
        _ sourceCount: Int, _ scaledCount: Int, _ cut: Int, _ count: Int, _ filter: InputSpec.Filter, isRow: Bool
    ) -> [[Tap]] {
        let last = sourceCount - 1
        return (0..<count).map { output in
            if filter == .antialiased {
                let step = Double(sourceCount) / Double(scaledCount)
                let reach = max(step, 1)
                let center = (Double(output + cut) + 0.5) * step
                let positions = max(0, Int(center - reach + 0.5))..<min(sourceCount, Int(center + reach + 0.5))
                let shares = positions.map { max(0, 1 - abs((Double($0) - center + 0.5) / reach)) }
                let whole = shares.reduce(0, +)
                return zip(positions, shares).map {
                    Tap(position: $0, weight: Int32(($1 / whole * Double(1 << 22)).rounded()))
                }
            }
            let step = 1 / (Double(scaledCount) / Double(sourceCount))
            let center = Float((Double(output + cut) + 0.5) * step - 0.5)
            var first = Int(center.rounded(.down))
            var share = center - Float(first)
            if isRow, first < 0 || first >= last { (first, share) = (min(max(first, 0), last), 0) }
            return [
                Tap(
                    position: min(max(first, 0), last),
                    weight: Int32(((1 - share) * 2048).rounded(.toNearestOrEven))),
                Tap(position: min(max(first + 1, 0), last), weight: Int32((share * 2048).rounded(.toNearestOrEven))),
            ]
        }
    }

    /// Writes the frame into the tensor, and the padding around it.
    func fill(_ input: TensorBuffer) {
        let values = input.floats
        for channel in 0..<spec.channelCount {
            let std = spec.std[channel % spec.std.count]
            let (gain, bias) = (spec.scale / std, -spec.mean[channel % spec.mean.count] / std)
            let levels = spec.filter == .antialiased ? widened(channel) : linear(channel)
            for y in 0..<spec.height {
                for x in 0..<spec.width {
                    let (row, column) = (y - fit.y, x - fit.x)
                    let isFrame = rows.indices.contains(row) && columns.indices.contains(column)
                    let level = isFrame ? levels[row * columns.count + column] : spec.padValue
                    let index =
                        spec.layout == .nchw
                        ? (channel * spec.height + y) * spec.width + x
                        : (y * spec.width + x) * spec.channelCount + channel
                    values[index] = Float(level) * gain + bias
                }
            }
        }
    }

    /// A pixel's level in a channel of the input.
    private func level(_ y: Int, _ x: Int, _ channel: Int) -> Int32 {
        let pixel = (y * frame.width + x) * 3
        let levels = frame.storage
        switch spec.color {
        case .rgb: return Int32(levels[pixel + channel])
        case .bgr: return Int32(levels[pixel + 2 - channel])
        case .gray:
            let (red, green, blue) = (Int32(levels[pixel]), Int32(levels[pixel + 1]), Int32(levels[pixel + 2]))
            return (19_595 * red + 38_470 * green + 7_471 * blue + 32_768) >> 16
        }
    }

    /// As OpenCV's `INTER_LINEAR` does it in whole numbers.
    private func linear(_ channel: Int) -> [Int] {
        var levels: [Int] = []
        levels.reserveCapacity(rows.count * columns.count)
        for row in rows {
            for column in columns {
                var sum: Int32 = 2
                for down in row {
                    var along: Int32 = 0
                    for across in column {
                        along += level(down.position, across.position, channel) * across.weight
                    }
                    sum += ((along >> 4) * down.weight) >> 16
                }
                levels.append(Int(sum >> 2))
            }
        }
        return levels
    }

    /// As Pillow's `BILINEAR` does it: first all rows, then the columns.
    private func widened(_ channel: Int) -> [Int] {
        let half: Int32 = 1 << 21
        var scaled: [Int32] = []
        scaled.reserveCapacity(frame.height * columns.count)
        for y in 0..<frame.height {
            for column in columns {
                var sum = half
                for across in column { sum += level(y, across.position, channel) * across.weight }
                scaled.append(sum >> 22)
            }
        }
        var levels: [Int] = []
        levels.reserveCapacity(rows.count * columns.count)
        for row in rows {
            for x in columns.indices {
                var sum = half
                for down in row { sum += scaled[down.position * columns.count + x] * down.weight }
                levels.append(Int(sum >> 22))
            }
        }
        return levels
    }
}
