public import Foundation

/// A place where labels and models wait for devices.
///
/// Below its `inbox/`, for all devices or below `device=<id>/` for one:
/// - `labels/<format>/<name>`: a file, or a folder where the format is one, in any label format;
/// - `models/<name>`: a model bundle.
///
/// What became of each is left below `receipts/device=<id>/`.
public protocol Inbox: Sendable {
    /// Whether what is fetched lies on this device's disks already and takes no room on them.
    var isInPlace: Bool { get }
    /// What lies there for a device.
    func items(for device: DeviceID) async throws -> [InboxItem]
    /// Makes an item readable as a file or folder below a folder of this device, which is empty.
    ///
    /// - Returns: where it is.
    func fetch(_ item: InboxItem, into folder: String) async throws -> String
    /// Leaves a document for the other side, replacing one of that name.
    func leave(_ receipt: Data, named name: String) async throws
}

extension Inbox {
    public var isInPlace: Bool { false }
}

/// Labels or a model that wait in an inbox.
public struct InboxItem: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// In a label format.
        case labels(format: String)
        case model
    }
    public var kind: Kind
    /// Its path below the inbox: tells it from the others there.
    public var name: String
    /// Changes when its content does: its size and time, or what a server calls it.
    public var tag: String
    public var byteCount: Int
    public init(kind: Kind, name: String, tag: String, byteCount: Int) {
        self.kind = kind
        self.name = name
        self.tag = tag
        self.byteCount = byteCount
    }

    /// Where receipts for a device lie.
    public static func receiptFolder(for device: DeviceID) -> String { "receipts/device=\(device)" }

    /// A file below an inbox, as its place lists it.
    public struct File: Hashable, Sendable {
        /// Relative to the inbox.
        public var path: String
        public var byteCount: Int
        /// Changes with its content.
        public var tag: String
        public init(path: String, byteCount: Int, tag: String) {
            self.path = path
            self.byteCount = byteCount
            self.tag = tag
        }
    }

    /// What some files are for a device: an item each, or one for all in its folder.
    public static func gathered(from files: [File], for device: DeviceID) -> [InboxItem] {
        var items: [String: (item: InboxItem, tags: DigestHasher)] = [:]
        for file in files.sorted(by: { $0.path < $1.path }) where BatchPath.isSafe(file.path) {
            guard let (kind, name) = kind(of: file.path, for: device) else { continue }
            var (item, tags) = items[name] ?? (InboxItem(kind: kind, name: name, tag: "", byteCount: 0), DigestHasher())
            item.byteCount += file.byteCount
            tags.update(Data("\(file.path)\n\(file.byteCount) \(file.tag)\n".utf8))
            items[name] = (item, tags)
        }
        return items.values.map { item, tags in
            InboxItem(kind: item.kind, name: item.name, tag: "\(tags.finish())", byteCount: item.byteCount)
        }
    }

    /// What a path below the inbox is for a device: its kind, and the path of the whole item, of which this may be a part.
    ///
    /// `nil` for what is hidden, for other devices or none of the two kinds.
    public static func kind(of path: String, for device: DeviceID) -> (kind: Kind, name: String)? {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard !parts.contains(where: { $0.isEmpty || $0.hasPrefix(".") || $0.hasSuffix(DurableFile.partialSuffix) })
        else { return nil }
        var prefix: [String] = []
        if parts[0].hasPrefix("device=") {
            guard parts[0] == "device=\(device)" else { return nil }
            prefix = [parts.removeFirst()]
        }
        switch parts.first {
        case "labels" where parts.count >= 3:
            return (.labels(format: parts[1]), (prefix + parts[..<3]).joined(separator: "/"))
        case "models" where parts.count >= 2:
            return (.model, (prefix + parts[..<2]).joined(separator: "/"))
        default: return nil
        }
    }
}
