import GleanerCore

/// Scales a frame row by row into whole grey levels, in the order of channels that the model wants.
///
/// Rows first, then columns. A row of the frame is scaled at most once and kept only as long as the
/// rows below need it, so the working set stays in the cache.
struct FrameResampler: ~Copyable {
    private let filter: InputSpec.Filter
    private let order: ChannelOrder
    private var columns = ResampleAxis()
    private var rows = ResampleAxis()
    private var fit: FrameFit?
    private var sourceWidth = 0
    /// Scaled rows, one slot for each tap: source row `r` lies in slot `r % tapCount`.
    private var ring = ScratchBuffer<Int16>()
    /// The last source row in the ring.
    private var newestRow = -1
    private var luma = ScratchBuffer<UInt8>()
    private var mixed = ScratchBuffer<Int16>()
    private var sums = ScratchBuffer<Int32>()

    init(filter: InputSpec.Filter, order: ChannelOrder) {
        self.filter = filter
        self.order = order
    }

    /// Grey levels in a scaled row, all channels together.
    var rowLength: Int { (fit?.contentWidth ?? 0) * order.channelCount }

    /// Computes the tables for frames of one size.
    mutating func plan(_ fit: FrameFit, frameWidth: Int, frameHeight: Int) {
        self.fit = fit
        sourceWidth = frameWidth
        columns.plan(
            .init(
                sourceCount: frameWidth, scaledCount: fit.scaledWidth, cut: fit.cutX, outputCount: fit.contentWidth),
            filter: filter, clampsWeights: true)
        rows.plan(
            .init(
                sourceCount: frameHeight, scaledCount: fit.scaledHeight, cut: fit.cutY,
                outputCount: fit.contentHeight),
            filter: filter, clampsWeights: false)
        ring.reserve(rowLength * rows.tapCount)
        luma.reserve(frameWidth)
        mixed.reserve(rowLength)
        sums.reserve(rowLength)
    }

    /// Forgets the rows of the frame before.
    mutating func begin() { newestRow = -1 }

    /// Output row `y` as levels of 0…255, valid until the next call. Rows are asked for from the top.
    mutating func row(_ y: Int, of frame: UnsafePointer<UInt8>) -> UnsafePointer<Int16> {
        let positions = rows.positions + y * rows.tapCount
        let last = Int(positions[rows.tapCount - 1])
        for position in max(Int(positions[0]), newestRow + 1)..<max(last + 1, newestRow + 1) {
            scaleRow(position, of: frame)
            newestRow = position
        }
        let weights = rows.weights + y * rows.tapCount
        switch filter {
        case .bilinear, .nearest: mixLinear(positions, weights)
        case .antialiased: mixWidened(positions, weights)
        }
        return UnsafePointer(mixed.base)
    }

    private func slot(_ row: Int) -> UnsafeMutablePointer<Int16> {
        ring.base + row % rows.tapCount * rowLength
    }

    // MARK: Along a row

    private func scaleRow(_ position: Int, of frame: UnsafePointer<UInt8>) {
        let source = frame + position * sourceWidth * 3
        let target = slot(position)
        guard order.channelCount == 1 else { return scaleColor(source, into: target) }
        LumaRow.write(source, count: sourceWidth, into: luma.base)
        scaleGray(luma.base, into: target)
    }

    private func scaleColor(_ source: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<Int16>) {
        guard let width = fit?.contentWidth else { return }
        let (red, green, blue) = order.offsets(width: width)
        let step = order.step
        var (positions, weights) = (columns.positions, columns.weights)
        if filter == .antialiased {
            let half = Int32(1) << (ResampleAxis.widenedBits - 1)
            for x in 0..<width {
                var (r, g, b) = (half, half, half)
                for tap in 0..<columns.tapCount {
                    let pixel = source + Int(positions[tap]) * 3
                    let weight = weights[tap]
                    r &+= Int32(pixel[0]) &* weight
                    g &+= Int32(pixel[1]) &* weight
                    b &+= Int32(pixel[2]) &* weight
                }
                target[red + x * step] = Int16(truncatingIfNeeded: r >> ResampleAxis.widenedBits)
                target[green + x * step] = Int16(truncatingIfNeeded: g >> ResampleAxis.widenedBits)
                target[blue + x * step] = Int16(truncatingIfNeeded: b >> ResampleAxis.widenedBits)
                positions += columns.tapCount
                weights += columns.tapCount
            }
            return
        }
        for x in 0..<width {
            let (left, right) = (source + Int(positions[0]) * 3, source + Int(positions[1]) * 3)
            let (a, b) = (weights[0], weights[1])
            target[red + x * step] = Self.linear(left[0], a, right[0], b)
            target[green + x * step] = Self.linear(left[1], a, right[1], b)
            target[blue + x * step] = Self.linear(left[2], a, right[2], b)
            positions += 2
            weights += 2
        }
    }

    private func scaleGray(_ source: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<Int16>) {
        guard let width = fit?.contentWidth else { return }
        var (positions, weights) = (columns.positions, columns.weights)
        for x in 0..<width {
            if filter == .antialiased {
                var sum = Int32(1) << (ResampleAxis.widenedBits - 1)
                for tap in 0..<columns.tapCount { sum &+= Int32(source[Int(positions[tap])]) &* weights[tap] }
                target[x] = Int16(truncatingIfNeeded: sum >> ResampleAxis.widenedBits)
            } else {
                target[x] = Self.linear(source[Int(positions[0])], weights[0], source[Int(positions[1])], weights[1])
            }
            positions += columns.tapCount
            weights += columns.tapCount
        }
    }

    /// A mix of two levels with 7 fractional bits: 11 from the weights less the 4 that do not fit into 16 bits.
    @inline(__always)
    private static func linear(_ a: UInt8, _ weightA: Int32, _ b: UInt8, _ weightB: Int32) -> Int16 {
        Int16(truncatingIfNeeded: (Int32(a) &* weightA &+ Int32(b) &* weightB) >> 4)
    }

    // MARK: Down the columns

    /// `((a × wa) >> 16 + (b × wb) >> 16 + 2) >> 2`: OpenCV's order of truncation, a multiply-high per operand.
    private func mixLinear(_ positions: UnsafePointer<Int32>, _ weights: UnsafePointer<Int32>) {
        let (upper, lower) = (slot(Int(positions[0])), slot(Int(positions[1])))
        let (a, b) = (SIMD8<Int32>(repeating: weights[0]), SIMD8<Int32>(repeating: weights[1]))
        let target = mixed.base
        let count = rowLength
        var index = 0
        while index + 8 <= count {
            let u = SIMD8<Int32>(
                truncatingIfNeeded: UnsafeRawPointer(upper + index).loadUnaligned(as: SIMD8<Int16>.self))
            let l = SIMD8<Int32>(
                truncatingIfNeeded: UnsafeRawPointer(lower + index).loadUnaligned(as: SIMD8<Int16>.self))
            let sum = (u &* a) &>> 16 &+ (l &* b) &>> 16 &+ 2
            UnsafeMutableRawPointer(target + index).storeBytes(
                of: SIMD8<Int16>(truncatingIfNeeded: sum &>> 2), as: SIMD8<Int16>.self)
            index += 8
        }
        while index < count {
            let sum = (Int32(upper[index]) &* a[0]) >> 16 &+ (Int32(lower[index]) &* b[0]) >> 16 &+ 2
            target[index] = Int16(truncatingIfNeeded: sum >> 2)
            index += 1
        }
    }

    private func mixWidened(_ positions: UnsafePointer<Int32>, _ weights: UnsafePointer<Int32>) {
        let count = rowLength
        let sums = sums.base
        sums.update(repeating: 1 << (ResampleAxis.widenedBits - 1), count: count)
        for tap in 0..<rows.tapCount where weights[tap] != 0 {
            let source = slot(Int(positions[tap]))
            let weight = weights[tap]
            for index in 0..<count { sums[index] &+= Int32(source[index]) &* weight }
        }
        let target = mixed.base
        for index in 0..<count { target[index] = Int16(truncatingIfNeeded: sums[index] >> ResampleAxis.widenedBits) }
    }
}

/// Where the channels of a pixel go in a row of the input.
struct ChannelOrder {
    let layout: InputSpec.Layout
    let color: InputSpec.Color

    var channelCount: Int { color == .gray ? 1 : 3 }
    /// From one pixel to the next.
    var step: Int { layout == .nhwc ? channelCount : 1 }

    /// Where the first red, green and blue of a row lie.
    func offsets(width: Int) -> (red: Int, green: Int, blue: Int) {
        let channel = layout == .nhwc ? 1 : width
        return color == .bgr ? (2 * channel, channel, 0) : (0, channel, 2 * channel)
    }
}

/// ITU-R BT.601 luma in 16-bit fixed point, rounded to whole levels.
enum LumaRow {
    @inline(__always)
    static func luma(_ pixel: UnsafePointer<UInt8>) -> UInt8 {
        let sum = 19_595 &* UInt32(pixel[0]) &+ 38_470 &* UInt32(pixel[1]) &+ 7_471 &* UInt32(pixel[2]) &+ 32_768
        return UInt8(truncatingIfNeeded: sum >> 16)
    }

    /// Turns `count` RGB pixels into as many levels.
    static func write(_ pixels: UnsafePointer<UInt8>, count: Int, into levels: UnsafeMutablePointer<UInt8>) {
        for x in 0..<count { levels[x] = luma(pixels + 3 * x) }
    }
}
