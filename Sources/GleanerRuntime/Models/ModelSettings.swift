import GleanerCore
import GleanerExport

/// The section `models`: which models come in, what one must show before it serves, and while it begins to.
struct ModelSettings: Sendable {
    /// How a model is proved, in a process of its own.
    struct Proof: Sendable {
        /// Memory that it may take beside the runtime's own.
        var memoryByteCount = 1 << 30
        var loadSecondsMax = 60.0
        /// A frame that takes longer hangs.
        var frameSecondsMax = 5.0
        /// How many times the active model's time a frame may take.
        var slowdownMax = 4.0
        /// What a frame may take in any case; `nil` for any time.
        var latencySecondsMax: Double?
    }

    /// What the labels of this device must say of a model.
    struct Gate: Sendable {
        enum Requirement: String, Sendable, CaseIterable {
            /// It is refused when it is worse: by chance that is hard to believe, or by more than the margin.
            case notWorse = "not_worse"
            /// It is refused unless it is better, by more than chance.
            case better
            /// It waits, and a person activates it.
            case `operator`
            /// Whatever they say.
            case nothing
        }
        var requirement = Requirement.notWorse
        /// Share of labeled frames by which it may be worse, 0…1.
        var margin = 0.1
        /// With fewer labels nothing is required.
        var labelCountMin = 30
        /// The newest so many are asked about.
        var labelCountMax = 500
    }

    /// Asking a model about live frames before it serves.
    struct Shadow: Sendable {
        /// 0 for none.
        var frameCount = 0
        /// It is asked about every so manieth frame.
        var interval = 10
        /// The share of time that asking may take, 0…1.
        var costShare = 0.1
    }

    /// Models must be signed by one of them; when there are none, anyone's come in, and also unsigned ones.
    var trustedKeys: [VerifyingKey] = []
    var proof = Proof()
    var gate = Gate()
    var shadow = Shadow()
    var probationFrameCount = 200
    /// Whether a model leaves the memory before the next one comes: for boards on which two do not fit.
    var unloadsFirst = false

    init() {}

    init(_ section: OptionReader) {
        trustedKeys = Self.keys(section, "trusted_keys")
        proof = Self.proof(section.section("proof"))
        gate = Self.gate(section.section("gate"))
        shadow = Self.shadow(section.section("shadow"))
        let probation = section.section("probation")
        probationFrameCount = probation.integer("frames", in: 1...1_000_000) ?? probationFrameCount
        probation.finish()
        unloadsFirst = section.bool("unload_first", default: unloadsFirst)
        section.finish()
    }

    /// What a model's course goes by.
    var limits: ModelCourse.Limits {
        var limits = ModelCourse.Limits()
        limits.shadowFrameCount = shadow.frameCount
        limits.probationFrameCount = probationFrameCount
        return limits
    }

    private static func proof(_ section: OptionReader) -> Proof {
        var proof = Proof()
        proof.memoryByteCount = section.byteCount("memory") ?? proof.memoryByteCount
        proof.loadSecondsMax = section.number("load_seconds_max", in: 0.1...3600) ?? proof.loadSecondsMax
        proof.frameSecondsMax = section.number("frame_seconds_max", in: 0.01...600) ?? proof.frameSecondsMax
        proof.slowdownMax = section.number("slowdown_max", in: 1...1000) ?? proof.slowdownMax
        proof.latencySecondsMax = section.number("latency_ms_max", in: 0.01...600_000).map { $0 / 1000 }
        section.finish()
        return proof
    }

    private static func gate(_ section: OptionReader) -> Gate {
        var gate = Gate()
        gate.requirement = section.choice("require", Gate.Requirement.self) ?? gate.requirement
        gate.margin = section.share("margin") ?? gate.margin
        gate.labelCountMin = section.integer("labels_min", in: 1...100_000) ?? gate.labelCountMin
        gate.labelCountMax = section.integer("labels_max", in: 1...100_000) ?? gate.labelCountMax
        section.finish()
        return gate
    }

    private static func shadow(_ section: OptionReader) -> Shadow {
        var shadow = Shadow()
        shadow.frameCount = section.integer("frames", in: 0...1_000_000) ?? shadow.frameCount
        shadow.interval = section.integer("every", in: 1...1_000_000) ?? shadow.interval
        shadow.costShare = section.share("cost") ?? shadow.costShare
        section.finish()
        return shadow
    }

    /// Read by hand: what stands here by mistake may be a private key, and must not be repeated in a message.
    private static func keys(_ section: OptionReader, _ name: String) -> [VerifyingKey] {
        let remedy = "write what gleaner model keygen prints: - ed25519:… (the Base64 of 32 bytes)"
        guard let value = section.value(name) else { return [] }
        guard case .array(let items) = value else {
            section.problems.add("\(section.path).\(name)", "must be a list of keys, not \(value.kind)", remedy: remedy)
            return []
        }
        return items.enumerated().compactMap { index, item in
            if case .string(let text) = item, let key = VerifyingKey(text) { return key }
            section.problems.add(
                "\(section.path).\(name)[\(index)]", "is no public key that can be trusted", remedy: remedy)
            return nil
        }
    }

    /// - Throws: ``GleanerError`` with code `bundle.signature` when it is an ONNX file alone, and only signed models come in.
    func requireBundle(_ path: String) throws {
        guard !trustedKeys.isEmpty, Deployment.isBareModel(path) else { return }
        throw GleanerError(
            .bundleSignature, "\(path) cannot be signed by itself, and only models signed by a trusted key are taken",
            remedy: "pack and sign it: gleaner model pack \(path) --manifest model.json --to BUNDLE.tar --key NAME.key")
    }
}
