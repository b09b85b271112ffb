public import Foundation
public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The inbox of a folder: whoever has the stick puts labels and models there, and finds receipts.
extension FolderDestination: Inbox {
    private static let depthMax = 6
    private static let entryCountMax = 200_000

    public func items(for device: DeviceID) async throws -> [InboxItem] {
        try await blocking { cancellation in
            var items: [String: InboxItem] = [:]
            var tags: [String: DigestHasher] = [:]
            var entryCount = 0
            func list(_ folder: String, depth: Int) throws {
                let absolute = folder.isEmpty ? inbox : "\(inbox)/\(folder)"
                guard let names = try? FileManager.default.contentsOfDirectory(atPath: absolute) else { return }
                for name in names.sorted() {
                    try cancellation.check()
                    let path = folder.isEmpty ? name : "\(folder)/\(name)"
                    var status = stat()
                    guard !name.hasPrefix("."), lstat("\(inbox)/\(path)", &status) == 0 else { continue }
                    entryCount += 1
                    guard entryCount <= Self.entryCountMax else {
                        throw GleanerError(
                            .destinationRefused, "\(inbox) has more than \(Self.entryCountMax) files",
                            remedy: "remove what was taken in: its receipt lies beside it")
                    }
                    if status.st_mode & S_IFMT == S_IFDIR, depth < Self.depthMax { try list(path, depth: depth + 1) }
                    guard status.st_mode & S_IFMT == S_IFREG, let (kind, whole) = InboxItem.kind(of: path, for: device)
                    else { continue }
                    var item = items[whole] ?? InboxItem(kind: kind, name: whole, tag: "", byteCount: 0)
                    item.byteCount += Int(status.st_size)
                    items[whole] = item
                    let time = "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
                    tags[whole, default: DigestHasher()].update(Data("\(path)\n\(status.st_size) \(time)\n".utf8))
                }
            }
            try list("", depth: 0)
            return items.values.map { item in
                var item = item
                item.tag = tags[item.name]?.finish().description ?? ""
                return item
            }
        }
    }

    /// It lies in the folder already.
    public func fetch(_ item: InboxItem, into folder: String) async throws -> String { "\(inbox)/\(item.name)" }

    public func leave(_ receipt: Data, named name: String) async throws {
        try await blocking { _ in
            let path = "\(root)/\(name)"
            try DurableFile.makeFolder(PathName.parent(of: path))
            try DurableFile.write(receipt, to: path)
        }
    }

    private var inbox: String { "\(root)/inbox" }
}
