import GleanerCore

/// Scales a frame row by row into whole grey levels, in the order of channels that the model wants.
///
/// Rows first, then columns. A row of the frame is scaled at most once and kept only as long as the
/// rows below need it, so the working set stays in the cache. Until it is done, a row's channels lie one after the other.
struct FrameResampler: ~Copyable {
    private let filter: InputSpec.Filter
    private let order: ChannelOrder
    private var columns = ResampleAxis()
    private var rows = ResampleAxis()
    private var pairs = PixelPairs()
    private var fit: FrameFit?
    private var sourceWidth = 0
    /// Scaled rows, one slot for each tap: source row `r` lies in slot `r % tapCount`.
    private var ring = ScratchBuffer<Int16>()
    /// The last source row in the ring.
    private var newestRow = -1
    private var luma = ScratchBuffer<UInt8>()
    private var mixed = ScratchBuffer<Int16>()
    private var interleaved = ScratchBuffer<Int16>()
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
        if filter != .antialiased, frameWidth > 1 {
            pairs.plan(columns, sourceCount: frameWidth, outputCount: fit.contentWidth)
        }
        ring.reserve(rowLength * rows.tapCount)
        luma.reserve(frameWidth)
        mixed.reserve(rowLength)
        interleaved.reserve(order.isInterleaved ? rowLength : 0)
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
        return UnsafePointer(order.isInterleaved ? interleave() : mixed.base)
    }

    private func interleave() -> UnsafeMutablePointer<Int16> {
        let count = rowLength / 3
        let (first, second, third) = (mixed.base, mixed.base + count, mixed.base + 2 * count)
        var target = interleaved.base
        for x in 0..<count {
            target[0] = first[x]
            target[1] = second[x]
            target[2] = third[x]
            target += 3
        }
        return interleaved.base
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
        let channels = (red: target + red, green: target + green, blue: target + blue)
        if filter == .antialiased {
            scaleWidened(source, width, into: channels)
        } else if columns.isIdentity || sourceWidth == 1 {
            copy(source, step: columns.isIdentity ? 3 : 0, width, into: channels)
        } else {
            pairs.mix(source, red: channels.red, green: channels.green, blue: channels.blue)
        }
    }

    private typealias Channels = (
        red: UnsafeMutablePointer<Int16>, green: UnsafeMutablePointer<Int16>, blue: UnsafeMutablePointer<Int16>
    )

    private func copy(_ source: UnsafePointer<UInt8>, step: Int, _ width: Int, into target: Channels) {
        var pixel = source
        for x in 0..<width {
            target.red[x] = Int16(pixel[0]) &<< 7
            target.green[x] = Int16(pixel[1]) &<< 7
            target.blue[x] = Int16(pixel[2]) &<< 7
            pixel += step
        }
    }

    private func scaleWidened(_ source: UnsafePointer<UInt8>, _ width: Int, into target: Channels) {
        let tapCount = columns.tapCount
        var (positions, weights) = (columns.positions, columns.weights)
        for x in 0..<width {
            var (red, green, blue) = (Self.widenedHalf, Self.widenedHalf, Self.widenedHalf)
            for tap in 0..<tapCount {
                let pixel = source + Int(positions[tap]) * 3
                red &+= Int32(pixel[0]) &* weights[tap]
                green &+= Int32(pixel[1]) &* weights[tap]
                blue &+= Int32(pixel[2]) &* weights[tap]
            }
            target.red[x] = Int16(truncatingIfNeeded: red >> ResampleAxis.widenedBits)
            target.green[x] = Int16(truncatingIfNeeded: green >> ResampleAxis.widenedBits)
            target.blue[x] = Int16(truncatingIfNeeded: blue >> ResampleAxis.widenedBits)
            positions += tapCount
            weights += tapCount
        }
    }

    /// Rounds a sum of the widened filter.
    private static var widenedHalf: Int32 { 1 << (ResampleAxis.widenedBits - 1) }

    private func scaleGray(_ source: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<Int16>) {
        guard let width = fit?.contentWidth else { return }
        var (positions, weights) = (columns.positions, columns.weights)
        for x in 0..<width {
            if filter == .antialiased {
                var sum = Self.widenedHalf
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
        // Cut to bits that they do not exceed: only then are both factors seen to be short.
        let (a, b) = (weights[0] & Self.weightBits, weights[1] & Self.weightBits)
        let (many, manyMore) = (SIMD8(repeating: a), SIMD8(repeating: b))
        let target = mixed.base
        let count = rowLength
        var index = 0
        while index <= count &- 8 {
            let sum = Self.high(upper + index, many) &+ Self.high(lower + index, manyMore) &+ 2
            UnsafeMutableRawPointer(target + index).storeBytes(of: sum &>> 2, as: SIMD8<Int16>.self)
            index &+= 8
        }
        while index < count {
            let sum = (Int32(upper[index]) &* a) >> 16 &+ (Int32(lower[index]) &* b) >> 16 &+ 2
            target[index] = Int16(truncatingIfNeeded: sum >> 2)
            index &+= 1
        }
    }

    private static let weightBits = 2 * ResampleAxis.linearOne - 1

    /// The high halves of eight products.
    @inline(__always)
    private static func high(_ levels: UnsafePointer<Int16>, _ weights: SIMD8<Int32>) -> SIMD8<Int16> {
        let eight = UnsafeRawPointer(levels).loadUnaligned(as: SIMD8<Int16>.self)
        return SIMD8<Int16>(truncatingIfNeeded: (SIMD8<Int32>(truncatingIfNeeded: eight) &* weights) &>> 16)
    }

    private func mixWidened(_ positions: UnsafePointer<Int32>, _ weights: UnsafePointer<Int32>) {
        let count = rowLength
        let sums = sums.base
        sums.update(repeating: Self.widenedHalf, count: count)
        for tap in 0..<rows.tapCount where weights[tap] != 0 {
            let source = slot(Int(positions[tap]))
            let weight = weights[tap]
            for index in 0..<count { sums[index] &+= Int32(source[index]) &* weight }
        }
        let target = mixed.base
        for index in 0..<count { target[index] = Int16(truncatingIfNeeded: sums[index] >> ResampleAxis.widenedBits) }
    }
}
