public import GleanerCore

/// How far the label of a sample has come.
public enum LabelState: String, Sendable, Codable, CaseIterable {
    /// It waits to be exported.
    case queued
    /// A destination has acknowledged it, and its label is awaited.
    case exported
    case labeled
    /// Somebody said that it cannot be labeled.
    case unusable
    /// Its pixels went before anybody got them. A label that comes all the same counts.
    case expired
}

/// Where a sample's pixels are.
public enum PixelsState: String, Sendable, Codable, CaseIterable {
    case present
    /// They made room, or the operator dropped them.
    case evicted
    /// They were found damaged and put aside.
    case quarantined
}

/// A sample's way to one destination.
public struct SampleDelivery: Sendable, Hashable, Codable {
    public var batch: Int
    public var purpose: BatchPurpose
    public var destination: String
    public var state: BatchState
}

/// A sample with the three facts that change: its label's state, where its pixels are, and its deliveries.
public struct StoredSample: Sendable, Hashable {
    /// With the current label, if there is one. ``SampleRecord/file`` is empty.
    public var record: SampleRecord
    public var labelState: LabelState
    public var pixels: PixelsState
    /// The operator locked it: its pixels are never evicted.
    public var isKept: Bool
    /// A batch that awaits its acknowledgement has it.
    public var isHeld: Bool
    /// Oldest first; filled by ``DeploymentStore/sample(_:)`` alone.
    public var deliveries: [SampleDelivery] = []
}

/// Which samples to list; `nil` means all.
public struct SampleFilter: Sendable, Hashable {
    public var labelState: LabelState?
    public var pixels: PixelsState?
    public var reason: String?
    public var topClass: String?
    public var model: ModelID?
    public init(
        labelState: LabelState? = nil, pixels: PixelsState? = nil, reason: String? = nil, topClass: String? = nil,
        model: ModelID? = nil
    ) {
        self.labelState = labelState
        self.pixels = pixels
        self.reason = reason
        self.topClass = topClass
        self.model = model
    }
}

public enum SampleOrder: String, Sendable, CaseIterable {
    /// In reverse order of storing, whatever the clocks said.
    case newest
    /// The largest utility first.
    case utility
}

/// Where a page ended.
public struct SampleCursor: Sendable, Hashable {
    let key: Int64
    let utility: Double
}

/// Some samples, and where the next ones begin.
public struct SamplePage: Sendable {
    public var samples: [StoredSample]
    /// `nil` after the last page.
    public var next: SampleCursor?
}
