#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A moment of the wall clock, for people to read: milliseconds since 1970, written as RFC 3339 in UTC.
///
/// Nothing is ordered, named or expired by it: an edge device may boot in 1970 and jump. Decisions use ``Instant``.
public struct Timestamp: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    /// From the year 1 to the end of 9999.
    public let milliseconds: Int64

    /// RFC 3339 has years of four digits: what lies outside becomes the first or the last moment that it can write.
    public init(milliseconds: Int64) {
        self.milliseconds = min(max(milliseconds, -62_135_596_800_000), 253_402_300_799_999)
    }

    /// What the wall clock says now, right or wrong.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// Reads RFC 3339 with a fraction of any length or none and with any offset, as labeling tools write it; `nil`
    /// otherwise. What is finer than a millisecond is cut off.
    public init?(_ text: String) {
        var reader = DigitReader(text.utf8)
        guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2), reader.skip("-"),
            let day = reader.number(2), reader.skip("T") || reader.skip("t") || reader.skip(" "),
            let hour = reader.number(2), reader.skip(":"), let minute = reader.number(2), reader.skip(":"),
            let second = reader.number(2), let fraction = reader.milliseconds(), let offset = reader.offsetMinutes(),
            reader.isAtEnd, let days = CivilDay(year: year, month: month, day: day)?.number,
            hour < 24, minute < 60, second <= 60
        else { return nil }
        // A leap second (60) is the first of the next minute, as in POSIX time.
        let seconds = Int64(days) * 86_400 + Int64(hour * 3600 + (minute - offset) * 60 + second)
        self.init(milliseconds: seconds * 1000 + Int64(fraction))
    }

    public var description: String {
        let second = floorDivide(milliseconds, 1000)
        let day = floorDivide(second.quotient, 86_400)
        let date = CivilDay(number: Int(day.quotient))
        let time = Int(day.remainder)
        return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
            + "T\(padded(time / 3600, 2)):\(padded(time / 60 % 60, 2)):\(padded(time % 60, 2))"
            + ".\(padded(Int(second.remainder), 3))Z"
    }

    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }

    public init(from decoder: any Decoder) throws {
        self = try decodeDescription(from: decoder, "an RFC 3339 time") { Timestamp($0) }
    }
    public func encode(to encoder: any Encoder) throws { try encodeDescription(description, to: encoder) }
}

/// A day of the Gregorian calendar, also before it was used.
///
/// Foundation's formatter reads at most milliseconds, and writes some of them one too low. The arithmetic counts
/// years from March, so that the leap day is the last of its year; 400 years have 146,097 days.
private struct CivilDay {
    let year: Int
    let month: Int
    let day: Int

    /// `nil` if there is no such day.
    init?(year: Int, month: Int, day: Int) {
        let isLeap = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard year >= 1, (1...12).contains(month), (1...lengths[month - 1]).contains(day) else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    /// From the number of days since 1 January 1970.
    init(number: Int) {
        let (era, dayOfEra) = floorDivide(number + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + 400 * era + (month <= 2 ? 1 : 0)
    }

    var number: Int {
        let (era, yearOfEra) = floorDivide(month <= 2 ? year - 1 : year, 400)
        let monthFromMarch = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

/// Reads the parts of a time, digit by digit.
private struct DigitReader {
    private var rest: Substring.UTF8View
    init(_ text: String.UTF8View) { rest = text[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    /// Exactly so many digits.
    mutating func number(_ digitCount: Int) -> Int? {
        let digits = rest.prefix(digitCount)
        guard digits.count == digitCount, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        rest.removeFirst(digitCount)
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    /// The first three digits of a fraction, 0 without one; `nil` for a point without digits.
    mutating func milliseconds() -> Int? {
        guard skip(".") else { return 0 }
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty else { return nil }
        rest.removeFirst(digits.count)
        let first = digits.prefix(3).reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return [100, 10, 1][min(digits.count, 3) - 1] * first
    }

    /// `Z`, or the offset east of Greenwich.
    mutating func offsetMinutes() -> Int? {
        if skip("Z") || skip("z") { return 0 }
        let isWest = skip("-")
        guard isWest || skip("+"), let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60
        else { return nil }
        return (isWest ? -1 : 1) * (hours * 60 + minutes)
    }
}

/// Division whose remainder is never negative. Traps for a divisor of 0.
private func floorDivide<Number: BinaryInteger>(
    _ value: Number, _ divisor: Number
) -> (quotient: Number, remainder: Number) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
}

private func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

/// A moment of collecting time: seconds that this deployment's collector has run, over all its runs.
///
/// It only grows, stands still while the collector is off, and knows nothing of the wall clock, so a budget in
/// labels a day means a day of collecting.
public struct Instant: Hashable, Comparable, Sendable, Codable {
    public let seconds: Double
    public init(seconds: Double) { self.seconds = seconds }
    public static func < (a: Instant, b: Instant) -> Bool { a.seconds < b.seconds }
}
