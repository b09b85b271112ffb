public import GleanerCore

/// Which part of the training data a sample belongs to.
///
/// It follows from the id alone, so a sample never moves between parts, on no device and in no later batch.
public enum SplitRule {
    /// Audit samples are `test`: they are the only unbiased measure of a model, as long as none was trained on them.
    /// Of the others a share is `val` and the rest `train`.
    ///
    /// - Parameter validationShare: In 0…1.
    public static func split(of sample: SampleID, isAudit: Bool, validationShare: Double = 0.1) -> Split {
        if isAudit { return .test }
        let digest = Digest(of: Array(sample.description.utf8))
        let bits = digest.bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Double(bits >> 11) * 0x1p-53 < validationShare ? .val : .train
    }
}
