#if Network
    import Foundation
    import GleanerCore

    /// The inbox of a bucket.
    extension S3Destination: Inbox {
        func items(for device: DeviceID) async throws -> [InboxItem] {
            let mine = try await client.list("\(inboxKey)device=\(device)/")
            // Past those of all other devices, of which there may be thousands.
            let shared = try await client.list(inboxKey, after: "\(inboxKey)device=~")
            let files = (mine + shared).map { object in
                InboxItem.File(
                    path: String(object.key.dropFirst(inboxKey.count)), byteCount: object.byteCount, tag: object.tag)
            }
            return InboxItem.gathered(from: files, for: device)
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
            _ = try await client.put(S3Payload([UInt8](receipt)), at: client.address.key(name))
        }

        private var inboxKey: String { client.address.key("inbox/") }
    }
#endif
