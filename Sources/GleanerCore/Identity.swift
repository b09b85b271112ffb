/// One physical device: 64 random bits drawn at its first run.
public struct DeviceID: Hashable, Sendable, Codable, CustomStringConvertible {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Reads the 16 hexadecimal digits that ``description`` writes; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        guard let value = Hexadecimal.value(text) else { return nil }
        rawValue = value
    }

    public var description: String { Hexadecimal.string(rawValue) }

    public init(from decoder: any Decoder) throws {
        self = try decodeDescription(from: decoder, "a device id") { DeviceID($0) }
    }
    public func encode(to encoder: any Encoder) throws { try encodeDescription(description, to: encoder) }
}

/// One run of the collector: the device's boot counter and 64 random bits.
///
/// The counter gives the order of runs without a clock; the random bits keep cloned cards, and a counter that was
/// lost with a broken database, from ever making the same id twice.
public struct RunID: Hashable, Sendable, Codable, CustomStringConvertible {
    public let counter: UInt32
    public let nonce: UInt64
    public init(counter: UInt32, nonce: UInt64) {
        self.counter = counter
        self.nonce = nonce
    }

    /// Reads `r<counter>x<16 hexadecimal digits>`; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        guard text.first == "r", let x = text.firstIndex(of: "x") else { return nil }
        let digits = text[text.index(after: text.startIndex)..<x]
        let nonceText = text[text.index(after: x)...]
        guard let counter = UInt32(digits), "\(counter)" == digits, let nonce = Hexadecimal.value(nonceText) else {
            return nil
        }
        self.init(counter: counter, nonce: nonce)
    }

    public var description: String { "r\(counter)x\(Hexadecimal.string(nonce))" }

    public init(from decoder: any Decoder) throws {
        self = try decodeDescription(from: decoder, "a run id") { RunID($0) }
    }
    public func encode(to encoder: any Encoder) throws { try encodeDescription(description, to: encoder) }
}

/// One kept frame, unique over all devices for good: device, run and the frame's number in that run.
///
/// Written `<device>-<run>-<sequence>`: safe in file names, URLs and CSV, and independent of any clock.
public struct SampleID: Hashable, Sendable, Codable, CustomStringConvertible {
    public let device: DeviceID
    public let run: RunID
    /// The frame's number in its run, from 1.
    public let sequence: UInt64
    public init(device: DeviceID, run: RunID, sequence: UInt64) {
        self.device = device
        self.run = run
        self.sequence = sequence
    }

    /// Reads what ``description`` writes; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let device = DeviceID(parts[0]), let run = RunID(parts[1]),
            let sequence = UInt64(parts[2]), "\(sequence)" == parts[2]
        else { return nil }
        self.init(device: device, run: run, sequence: sequence)
    }

    public var description: String { "\(device)-\(run)-\(sequence)" }

    /// A form short enough to type, unique on one device: `3-42` is frame 42 of run 3.
    public var short: String { local.description }
    public var local: LocalSampleID { LocalSampleID(runCounter: run.counter, sequence: sequence) }

    public init(from decoder: any Decoder) throws {
        self = try decodeDescription(from: decoder, "a sample id") { SampleID($0) }
    }
    public func encode(to encoder: any Encoder) throws { try encodeDescription(description, to: encoder) }
}

/// A sample among those of its own device: the run's counter and the frame's number.
public struct LocalSampleID: Hashable, Sendable, CustomStringConvertible {
    public let runCounter: UInt32
    public let sequence: UInt64
    public init(runCounter: UInt32, sequence: UInt64) {
        self.runCounter = runCounter
        self.sequence = sequence
    }

    /// Reads what ``description`` writes; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let counter = UInt32(parts[0]), let sequence = UInt64(parts[1]) else { return nil }
        self.init(runCounter: counter, sequence: sequence)
        guard description == text else { return nil }
    }

    public var description: String { "\(runCounter)-\(sequence)" }
}

/// A version of a model: its name, its number and the digest of its file.
public struct ModelID: Hashable, Sendable, Codable, CustomStringConvertible {
    public let name: String
    /// Grows with each retraining; a larger number is the newer model.
    public let version: Int
    /// SHA-256 of the model's file: two files of one name and version are two models.
    public let digest: Digest
    public init(name: String, version: Int, digest: Digest) {
        self.name = name
        self.version = version
        self.digest = digest
    }
    public var description: String { "\(name)@\(version)" }
}

/// A sealed batch: the digest of its manifest.
public struct BatchID: Hashable, Sendable, Codable, CustomStringConvertible {
    public let digest: Digest
    public init(_ digest: Digest) { self.digest = digest }
    public var description: String { digest.description }
    /// The first 12 digits: enough to tell the batches of a device apart, and the name of its folder.
    public var short: String { String(description.prefix(12)) }
    public init(from decoder: any Decoder) throws { digest = try Digest(from: decoder) }
    public func encode(to encoder: any Encoder) throws { try digest.encode(to: encoder) }
}

enum Hexadecimal {
    static func string(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Reads only what ``string(_:)`` writes, so that one id has one text.
    static func value(_ text: some StringProtocol) -> UInt64? {
        UInt64(text, radix: 16).flatMap { string($0) == text ? $0 : nil }
    }
}

func decodeDescription<Value>(
    from decoder: any Decoder, _ what: String, _ parse: (String) -> Value?
) throws -> Value {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = parse(text) else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text.prefix(100))' is not \(what)")
    }
    return value
}

func encodeDescription(_ description: String, to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
}
