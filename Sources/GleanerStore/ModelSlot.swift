public import GleanerCore

/// A model that was brought in.
public struct ModelSlot: Sendable, Hashable {
    /// What it is to the device at this moment; how it came to that is its ``course``.
    public enum State: String, Sendable, Codable, CaseIterable {
        /// Placed and checked, and not in use.
        case staged
        /// It is asked about some frames beside the active one.
        case shadow
        /// The one that predicts.
        case active
        /// The one that was active before: what a rollback goes back to.
        case previous
        /// It was active once. Its files stay until their room is needed.
        case retired
        /// It failed; it is not activated again.
        case rejected
    }

    public var manifest: ModelManifest
    public var state: State
    public var course: ModelCourse
    /// Below `models/`; `nil` once its files made room.
    public var folderName: String?
    /// Grows with every activation on this device; `nil` if it was never active.
    public var activatedOrder: Int?
    /// Why it was rejected or rolled back.
    public var reason: String?
    /// What was found out about it, as a document.
    public var verdict: String?
    /// The key that vouched for its bundle; `nil` when none had to.
    public var signer: String?
    public var id: ModelID { manifest.id }
}
