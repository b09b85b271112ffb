import GleanerCore

/// Turns whole grey levels into a model's numbers: `(level × scale − mean) / std`, channel by channel.
struct Normalization: Sendable {
    /// Which channel the levels of a run belong to.
    enum Run {
        /// All to one channel.
        case channel(Int)
        /// The channels take turns, from the first.
        case interleaved
    }

    private let gains: [Float]
    private let biases: [Float]
    /// Each channel's vectors, then those of interleaved channels.
    private let patterns: [Pattern]
    /// What each of the 256 levels becomes in a channel, for integer inputs: rounded and clamped.
    private let bytes: [UInt8]
    /// The same for inputs of half precision.
    private let halves: [Float16]

    /// `nil` when a level would not stay finite.
    init?(_ spec: InputSpec) {
        let channels = 0..<spec.channelCount
        let std = channels.map { spec.std[$0 % spec.std.count] }
        let gains = channels.map { spec.scale / std[$0] }
        let biases = channels.map { -spec.mean[$0 % spec.mean.count] / std[$0] }
        guard channels.allSatisfy({ (255 * gains[$0]).isFinite && biases[$0].isFinite }) else { return nil }
        (self.gains, self.biases) = (gains, biases)
        patterns =
            channels.map { channel in Pattern(gains, biases) { _ in channel } }
            + [Pattern(gains, biases) { $0 % channels.count }]
        let range: ClosedRange<Float> = spec.type == .int8 ? -128...127 : 0...255
        bytes = channels.flatMap { channel in
            (0...255).map { level in
                let value = (Float(level) * gains[channel] + biases[channel]).rounded()
                return UInt8(truncatingIfNeeded: Int(min(max(value, range.lowerBound), range.upperBound)))
            }
        }
        halves = channels.flatMap { channel in
            (0...255).map { level in Float16(Float(level) * gains[channel] + biases[channel]) }
        }
        if spec.type == .float16, !halves.allSatisfy(\.isFinite) { return nil }
    }

    func write(_ levels: UnsafePointer<Int16>, _ count: Int, _ run: Run, into target: UnsafeMutablePointer<Float>) {
        let pattern = patterns[index(of: run)]
        var index = 0
        while index + 24 <= count {
            pattern.write(levels + index, into: target + index)
            index += 24
        }
        for rest in index..<count {
            let lane = rest - index
            target[rest] = Float(levels[rest]) * pattern.gain(lane) + pattern.bias(lane)
        }
    }

    func write(_ levels: UnsafePointer<Int16>, _ count: Int, _ run: Run, into target: UnsafeMutablePointer<UInt8>) {
        look(up: levels, count, run, in: bytes, into: target)
    }

    func write(_ levels: UnsafePointer<Int16>, _ count: Int, _ run: Run, into target: UnsafeMutablePointer<Float16>) {
        look(up: levels, count, run, in: halves, into: target)
    }

    @inline(__always)
    private func look<Element>(
        up levels: UnsafePointer<Int16>, _ count: Int, _ run: Run, in table: [Element],
        into target: UnsafeMutablePointer<Element>
    ) {
        table.withUnsafeBufferPointer { table in
            guard let table = table.baseAddress else { return }
            switch run {
            case .channel(let channel):
                for index in 0..<count { target[index] = table[channel * 256 + Int(levels[index] & 255)] }
            case .interleaved:
                for channel in gains.indices {
                    for index in stride(from: channel, to: count, by: gains.count) {
                        target[index] = table[channel * 256 + Int(levels[index] & 255)]
                    }
                }
            }
        }
    }

    private func index(of run: Run) -> Int {
        switch run {
        case .channel(let channel): channel
        case .interleaved: gains.count
        }
    }

    /// Gain and bias of 24 levels in a row: eight pixels of three channels, or 24 of one.
    private struct Pattern {
        private var gains = (SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>())
        private var biases = (SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>())

        init(_ gains: [Float], _ biases: [Float], channelOfLane: (Int) -> Int) {
            for lane in 0..<8 {
                let channels = (channelOfLane(lane), channelOfLane(lane + 8), channelOfLane(lane + 16))
                self.gains.0[lane] = gains[channels.0]
                self.gains.1[lane] = gains[channels.1]
                self.gains.2[lane] = gains[channels.2]
                self.biases.0[lane] = biases[channels.0]
                self.biases.1[lane] = biases[channels.1]
                self.biases.2[lane] = biases[channels.2]
            }
        }

        func gain(_ lane: Int) -> Float { Self.lane(lane, of: gains) }
        func bias(_ lane: Int) -> Float { Self.lane(lane, of: biases) }

        private static func lane(_ lane: Int, of vectors: (SIMD8<Float>, SIMD8<Float>, SIMD8<Float>)) -> Float {
            switch lane / 8 {
            case 0: vectors.0[lane]
            case 1: vectors.1[lane - 8]
            default: vectors.2[lane - 16]
            }
        }

        @inline(__always)
        func write(_ levels: UnsafePointer<Int16>, into target: UnsafeMutablePointer<Float>) {
            Self.store(Self.floats(levels) * gains.0 + biases.0, target)
            Self.store(Self.floats(levels + 8) * gains.1 + biases.1, target + 8)
            Self.store(Self.floats(levels + 16) * gains.2 + biases.2, target + 16)
        }

        /// By way of the bits: `2²³ + level` has the level as its lowest ones. The obvious conversion of a vector
        /// compiles to eight scalar ones.
        @inline(__always)
        private static func floats(_ levels: UnsafePointer<Int16>) -> SIMD8<Float> {
            let whole = SIMD8<UInt32>(
                truncatingIfNeeded: UnsafeRawPointer(levels).loadUnaligned(as: SIMD8<Int16>.self))
            return unsafeBitCast(whole | 0x4b00_0000, to: SIMD8<Float>.self) - 8_388_608
        }

        @inline(__always)
        private static func store(_ values: SIMD8<Float>, _ target: UnsafeMutablePointer<Float>) {
            UnsafeMutableRawPointer(target).storeBytes(of: values, as: SIMD8<Float>.self)
        }
    }
}
