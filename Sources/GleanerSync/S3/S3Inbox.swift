#if Network
    import Foundation
    import GleanerCore

    /// The inbox of a bucket.
    extension S3Destination: Inbox {
        func items(for device: DeviceID) async throws -> [InboxItem] {
            var items: [String: InboxItem] = [:]
            var hashers: [String: DigestHasher] = [:]
            for object in try await objects() {
                let path = String(object.key.dropFirst(inboxKey.count))
                guard BatchPath.isSafe(path), let (kind, name) = InboxItem.kind(of: path, for: device) else { continue }
                items[name, default: InboxItem(kind: kind, name: name, tag: "", byteCount: 0)].byteCount +=
                    object.byteCount
                hashers[name, default: DigestHasher()].update(Data("\(path)\n\(object.byteCount) \(object.tag)\n".utf8))
            }
            return items.values.map { item in
                var item = item
                item.tag = hashers[item.name]?.finish().description ?? ""
                return item
            }
        }

        func fetch(_ item: InboxItem, into folder: String) async throws -> String {
            for object in try await client.list(inboxKey + item.name) {
                let path = String(object.key.dropFirst(inboxKey.count))
                guard BatchPath.isSafe(path), path == item.name || path.hasPrefix("\(item.name)/") else { continue }
                let target = "\(folder)/\(path)"
                try DurableFile.makeFolder(PathName.parent(of: target))
                try await client.download(object, to: target)
            }
            return "\(folder)/\(item.name)"
        }

        func leave(_ receipt: Data, named name: String) async throws {
            _ = try await client.put([UInt8](receipt), Digest(of: receipt), at: client.address.key(name))
        }

        private var inboxKey: String { client.address.key("inbox/") }

        /// Sorted by key, so that what many make is told the same way each time.
        private func objects() async throws -> [S3Client.Object] {
            try await client.list(inboxKey).filter { !$0.key.hasSuffix("/") }.sorted { $0.key < $1.key }
        }
    }
#endif
