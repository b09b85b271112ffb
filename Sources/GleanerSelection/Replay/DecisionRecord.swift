public import GleanerCore

/// What is recorded of a frame that was offered: enough to decide about it again, in 46 bytes.
public struct DecisionRecord: Hashable, Sendable {
    /// How far a frame came.
    public enum Course: UInt8, Sendable {
        /// It could not be read; the selector never saw it.
        case unread
        /// It passed the gate, and the model failed.
        case failed
        /// Its looks were enough: it resembles a kept frame. It has no scores.
        case stopped
        case judged
    }

    /// What was decided.
    public enum Outcome: UInt8, Sendable {
        case none, audit, chosen, coverage, duplicate, belowBudget, noStrategyApplies, limited

        public var isKept: Bool { self == .audit || self == .chosen || self == .coverage }
    }

    public var course: Course
    public var outcome: Outcome = .none
    public var instant: Instant
    /// See ``FrameBuffer/sourceNumber``: 0…15.
    public var source = 0
    public var hash = PerceptualHash(bits: 0)
    /// The bits in which the most similar sample of earlier runs differs.
    public var earlierHashDistance: Int?
    public var scores = FrameScores.meaningless(.classification)
    /// The place of the strategy that answered, and its utility.
    public var answer: Answer?
    /// The kept frame that it resembles most, as the model sees it or, if it was stopped, by its looks.
    public var like: Like?

    public struct Answer: Hashable, Sendable {
        public var strategy: Int
        public var utility: Float
    }

    public struct Like: Hashable, Sendable {
        /// Its number in this run; `nil` for a sample of an earlier one.
        public var sequence: UInt64?
        /// See ``StreamContext/distance``; `nil` by looks.
        public var distance: Float?
    }

    public init(course: Course, instant: Instant) {
        self.course = course
        self.instant = instant
    }
}

extension DecisionRecord.Outcome {
    public init(_ verdict: Verdict) {
        self =
            switch verdict {
            case .keep(let choice):
                choice.reason.isAudit
                    ? .audit : choice.reason == .strategy(Exploration.reasonName) ? .coverage : .chosen
            case .reject(.duplicate, _, _): .duplicate
            case .reject(.belowBudget, _, _): .belowBudget
            case .reject(.noStrategyApplies, _, _): .noStrategyApplies
            case .reject(.limited, _, _): .limited
            }
    }
}

// MARK: Bytes

extension DecisionRecord {
    public static let byteCount = 46

    private static let detectionFlag: UInt8 = 0x80
    private static let sourceShift: UInt8 = 2
    private static let sourceMask: UInt8 = 15
    private static let nothing8 = UInt8.max
    private static let nothing16 = UInt16.max
    /// Frame numbers start at 1.
    private static let nothing32: UInt32 = 0
    private static let earlier32 = UInt32.max

    /// Little-endian: task, source and course, outcome, strategy, earlier distance (a byte each), top class (2), instant (8),
    /// hash (8), three scores, utility, distance (4 each), like (4).
    public var encoded: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    /// Appends ``encoded``.
    public func append(to bytes: inout [UInt8]) {
        let source = (UInt8(clamping: source) & Self.sourceMask) << Self.sourceShift
        bytes.append(course.rawValue | source | (scores.task == .detection ? Self.detectionFlag : 0))
        bytes.append(outcome.rawValue)
        bytes.append(answer.map { UInt8(clamping: $0.strategy) } ?? Self.nothing8)
        bytes.append(earlierHashDistance.map { UInt8(clamping: $0) } ?? Self.nothing8)
        bytes.append(scores.topClass.map { UInt16(clamping: $0) } ?? Self.nothing16)
        bytes.append(instant.seconds.bitPattern)
        bytes.append(hash.bits)
        let numbers = scores.numbers
        for index in numbers.indices { bytes.append(numbers[index].bitPattern) }
        bytes.append((answer?.utility ?? .nan).bitPattern)
        bytes.append((like?.distance ?? .nan).bitPattern)
        bytes.append(like.map { $0.sequence.map { UInt32(clamping: $0) } ?? Self.earlier32 } ?? Self.nothing32)
    }

    /// Reads ``encoded``; `nil` for bytes that are none.
    public init?(encoded bytes: ArraySlice<UInt8>) {
        guard bytes.count == Self.byteCount, let head = bytes.first,
            let course = Course(rawValue: head & ~(Self.detectionFlag | Self.sourceMask << Self.sourceShift))
        else { return nil }
        var reader = ByteReader(bytes.dropFirst())
        guard let outcome = Outcome(rawValue: reader.next()) else { return nil }
        let strategy: UInt8 = reader.next()
        let earlier: UInt8 = reader.next()
        let topClass: UInt16 = reader.next()
        self.init(course: course, instant: Instant(seconds: Double(bitPattern: reader.next())))
        self.outcome = outcome
        source = Int(head >> Self.sourceShift & Self.sourceMask)
        hash = PerceptualHash(bits: reader.next())
        earlierHashDistance = earlier == Self.nothing8 ? nil : Int(earlier)
        let numbers = SIMD3<Float>(
            Float(bitPattern: reader.next()), Float(bitPattern: reader.next()), Float(bitPattern: reader.next()))
        scores = FrameScores(
            head & Self.detectionFlag == 0 ? .classification : .detection,
            topClass: topClass == Self.nothing16 ? nil : Int(topClass), numbers)
        let utility = Float(bitPattern: reader.next())
        if strategy != Self.nothing8, (0...1).contains(utility) {
            answer = Answer(strategy: Int(strategy), utility: utility)
        }
        let distance = Float(bitPattern: reader.next())
        let number: UInt32 = reader.next()
        guard number != Self.nothing32 else { return }
        like = Like(
            sequence: number == Self.earlier32 ? nil : UInt64(number), distance: distance.isNaN ? nil : distance)
    }
}

extension FrameScores {
    fileprivate var numbers: SIMD3<Float> {
        switch self {
        case .classification(_, let top, let second, let entropy): [top, second, entropy]
        case .detection(_, let uncertain, let leastCertain, let residue): [uncertain, leastCertain, residue]
        case .meaningless: [.nan, .nan, .nan]
        }
    }

    fileprivate init(_ task: ModelTask, topClass: Int?, _ numbers: SIMD3<Float>) {
        switch (task, topClass) {
        case _ where !numbers.indices.allSatisfy({ numbers[$0].isFinite }): self = .meaningless(task)
        case (.classification, let topClass?):
            self = .classification(topClass: topClass, top: numbers[0], second: numbers[1], entropy: numbers[2])
        case (.classification, nil): self = .meaningless(task)
        case (.detection, _):
            self = .detection(
                topClass: topClass, uncertain: numbers[0], leastCertain: numbers[1], residue: numbers[2])
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}

/// Reads numbers from bytes whose count was checked.
private struct ByteReader {
    private var bytes: ArraySlice<UInt8>
    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    mutating func next<Number: FixedWidthInteger & UnsignedInteger>() -> Number {
        let size = Number.bitWidth / 8
        defer { bytes = bytes.dropFirst(size) }
        return bytes.prefix(size).reversed().reduce(0) { ($0 << 8) | Number($1) }
    }
}
