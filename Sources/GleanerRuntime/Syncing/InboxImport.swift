import Foundation
import GleanerCore
import GleanerStore

/// Takes in what lies in the inbox of a destination: each thing once, whatever its name and wherever else it lies.
struct InboxImport {
    let deployment: Deployment
    let place: String
    let inbox: any Inbox
    let device: DeviceID
    let items: [InboxItem]

    private var store: DeploymentStore { deployment.store }

    /// Labels, then models in the order of their names; receipts are left as each is done.
    ///
    /// What fails because of this device (its disk, another import) is not dealt with: it is tried again.
    ///
    /// - Returns: what was dealt with now.
    func run(_ kind: (InboxItem.Kind) -> Bool) async throws -> [InboxReceipt] {
        let known = Dictionary(uniqueKeysWithValues: try store.arrivals(from: place).map { ($0.name, $0) })
        let wanted = items.filter { kind($0.kind) }.sorted {
            $0.name.compare($1.name, options: .numeric) == .orderedAscending
        }
        var receipts: [InboxReceipt] = []
        for item in wanted {
            if let arrival = known[item.name], arrival.tag == item.tag {
                if !arrival.isReceiptLeft { try await leave(arrival) }
                continue
            }
            let receipt = try await take(item)
            let arrival = Arrival(
                name: item.name, tag: item.tag, sha256: receipt.sha256,
                receipt: String(decoding: try CanonicalJSON.encodePretty(receipt), as: UTF8.self))
            try store.record(arrival, from: place)
            receipts.append(receipt)
            try await leave(arrival)
        }
        return receipts
    }

    private func leave(_ arrival: Arrival) async throws {
        let plain = arrival.name.replacing("/", with: "_")
        let name = "\(InboxItem.receiptFolder(for: device))/\(plain)-\(arrival.sha256.description.prefix(8)).json"
        try await inbox.leave(Data((arrival.receipt + "\n").utf8), named: name)
        var left = arrival
        left.isReceiptLeft = true
        try store.record(left, from: place)
    }

    private func take(_ item: InboxItem) async throws -> InboxReceipt {
        if !inbox.isInPlace { try store.makeRoom(forModelOf: item.byteCount) }
        let folder = "\(store.folder.inbox)/.incoming-\(UUID().uuidString)"
        try DurableFile.makeFolder(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = try await inbox.fetch(item, into: folder)
        let deployment = deployment
        return try await blocking { [store, device] _ in
            let sha256 = try Self.digest(of: path)
            if let before = try store.arrival(sha256),
                var receipt = try? CanonicalJSON.decode(
                    InboxReceipt.self, from: Data(before.receipt.utf8), named: "a receipt"),
                // What failed may have lain in the wrong place.
                receipt.failure == nil
            {
                receipt.item = item.name
                return receipt
            }
            var receipt = InboxReceipt(device: device, item: item.name, sha256: sha256)
            do {
                switch item.kind {
                case .labels(let format):
                    let report = try deployment.importLabels(path, format: format, progress: { _ in })
                    receipt.labels = .init(report)
                case .model:
                    let report = try deployment.importModel(at: path)
                    receipt.model = .init(
                        name: report.model.name, version: report.model.version, sha256: report.model.sha256,
                        state: report.state)
                }
            } catch let error as GleanerError where !Self.isOfDevice(error.code) {
                receipt.failure = .init(error)
            }
            return receipt
        }
    }

    /// Whether a failure says nothing of what arrived.
    private static func isOfDevice(_ code: GleanerError.Code) -> Bool {
        let prefixes = ["file.", "store.", "deployment.", "runtime.", "import.", "collector."]
        return prefixes.contains { code.rawValue.hasPrefix($0) }
    }

    /// The digest of a file, or of the names and digests of all files of a folder.
    private static func digest(of path: String) throws -> Digest {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return try Digest(ofFile: path)
        }
        var hasher = DigestHasher()
        for file in try BatchTree(path).files {
            hasher.update(Data("\(file)\n\(try Digest(ofFile: "\(path)/\(file)"))\n".utf8))
        }
        return hasher.finish()
    }
}
