public import GleanerCore

/// Numbers scenes: runs of frames of which each looks much like the one before.
///
/// Frames of one scene are right or wrong together, so they count as one when a model's accuracy is estimated: twenty
/// labels of one crate tell little more than one.
public struct SceneCounter: Sendable {
    /// Bits of 64 in which the next frame of a scene may differ. Unrelated pictures differ in 32 on average.
    static let distanceMax = 12

    /// Frames of several sources take turns; each source has its own last one.
    private var last: [Int: (hash: PerceptualHash, scene: Int)] = [:]
    private var sceneCount = 0

    public init() {}

    /// The scene of the next frame of a source, numbered from 1 over all sources, and whether it begins there.
    public mutating func next(_ hash: PerceptualHash, of source: Int = 0) -> (scene: Int, begins: Bool) {
        let before = last[source]
        let begins = before.map { $0.hash.distance(to: hash) > Self.distanceMax } ?? true
        if begins { sceneCount += 1 }
        let scene = begins ? sceneCount : before?.scene ?? sceneCount
        last[source] = (hash, scene)
        return (scene, begins)
    }
}
