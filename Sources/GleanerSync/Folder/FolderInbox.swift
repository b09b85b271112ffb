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
    private static let fileCountMax = 200_000

    public var isInPlace: Bool { true }

    public func items(for device: DeviceID) async throws -> [InboxItem] {
        try await blocking { cancellation in
            var files: [InboxItem.File] = []
            try list("", depth: 0, into: &files, cancellation)
            return InboxItem.gathered(from: files, for: device)
        }
    }

    /// Follows nothing; an inbox that is not there is empty.
    private func list(
        _ folder: String, depth: Int, into files: inout [InboxItem.File], _ cancellation: Cancellation
    ) throws {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(inbox)/\(folder)")) ?? []
        for name in names where !name.hasPrefix(".") {
            try cancellation.check()
            let path = folder.isEmpty ? name : "\(folder)/\(name)"
            var status = stat()
            guard lstat("\(inbox)/\(path)", &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR where depth < Self.depthMax: try list(path, depth: depth + 1, into: &files, cancellation)
            case S_IFREG:
                let time = "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
                files.append(.init(path: path, byteCount: Int(status.st_size), tag: time))
            default: break
            }
        }
        guard files.count <= Self.fileCountMax else {
            throw GleanerError(
                .destinationRefused, "\(inbox) has more than \(Self.fileCountMax) files",
                remedy: "remove what was taken in: its receipt lies beside it")
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
