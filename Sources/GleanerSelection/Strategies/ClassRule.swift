public import GleanerCore

/// Frames with more or with fewer objects of some classes than a number: `less_than: 1` asks for empty frames,
/// `more_than: 3` with `classes: [wasp]` for swarms.
///
/// The utility is 1 where the rule holds, else 0. A classifier counts its best class as one object, or each class
/// that it claims where they do not exclude each other (of which a replay knows the best alone). Use it beside other
/// strategies when the application needs what the model is sure of: frames without anything are what detectors are
/// seldom trained on and often wrong about.
public struct ClassRule: ScoreStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "class-rule", "Both: more or fewer objects of some classes than a number, such as none."
    ) { options in
        let rule = ClassRule(
            classes: options.strings("classes"), moreThan: options.integer("more_than", in: 0...10_000),
            lessThan: options.integer("less_than", in: 1...10_000))
        if rule.moreThan == nil, rule.lessThan == nil {
            options.problems.add(
                options.path, "has neither 'more_than' nor 'less_than'", remedy: "add the one that you mean")
        }
        return rule
    }

    private let classes: Set<String>?
    fileprivate let moreThan: Int?
    fileprivate let lessThan: Int?

    /// - Parameter classes: Objects of these classes count; all of them when `nil`.
    public init(classes: [String]? = nil, moreThan: Int? = nil, lessThan: Int? = nil) {
        self.classes = classes.map { Set($0) }
        self.moreThan = moreThan
        self.lessThan = lessThan
    }

    public var measuresUncertainty: Bool { false }

    /// A detector's utility needs every box.
    public var scoredTasks: Set<ModelTask> { [.classification] }

    public func utility(of candidate: Candidate, in context: StreamContext) -> Utility? {
        utility(of: ClaimedClasses(candidate).names)
    }

    public func utility(of frame: ScoredFrame, in context: StreamContext) -> Utility? {
        utility(of: frame.topClass.map { [$0] } ?? [])
    }

    private func utility(of claimed: [String]) -> Utility {
        let count = claimed.count { classes?.contains($0) ?? true }
        let holds = count > moreThan ?? -1 && count < lessThan ?? .max
        return Utility(holds ? 1 : 0)
    }
}

/// The classes of what a model claims to see: its best class, each that excludes no other and is claimed, or one for each
/// object.
struct ClaimedClasses {
    let names: [String]

    init(_ candidate: Candidate) {
        let labels = candidate.manifest.labels
        let indices: [Int] =
            switch candidate.prediction {
            case .classification(let probabilities, _):
                if let scoreMin = candidate.scoreMin {
                    probabilities.indices.filter { probabilities[$0] >= scoreMin }
                } else {
                    candidate.prediction.topClassIndex.map { [$0] } ?? []
                }
            case .detection: candidate.prediction.confident(scoreMin: candidate.scoreMin ?? 0).map(\.classIndex)
            }
        names = indices.map { labels.indices.contains($0) ? labels[$0] : "\($0)" }
    }
}
