public import GleanerCore

/// Numbers scenes: runs of frames of which each looks much like the one before.
///
/// Frames of one scene are right or wrong together, so they count as one when a model's accuracy is estimated: twenty
/// labels of one crate tell little more than one.
public struct SceneCounter: Sendable {
    /// Bits of 64 in which the next frame of a scene may differ. Unrelated pictures differ in 32 on average.
    static let distanceMax = 12

    private var last: PerceptualHash?
    /// The scene of the last frame, from 1; 0 before the first.
    public private(set) var scene = 0

    public init() {}

    /// The scene of the next frame.
    public mutating func next(_ hash: PerceptualHash) -> Int {
        if last.map({ $0.distance(to: hash) > Self.distanceMax }) ?? true { scene += 1 }
        last = hash
        return scene
    }
}
