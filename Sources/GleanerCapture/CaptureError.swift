public import GleanerCore

extension GleanerError.Code {
    /// A source cannot be opened, or is gone.
    public static let sourceUnavailable = Self("source.unavailable")
    /// One frame of a source cannot be read; the source goes on.
    public static let frameUnreadable = Self("frame.unreadable")
}
