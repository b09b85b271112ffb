public import GleanerCore
import Synchronization

/// The promises of ``Destination``, checked against any implementation.
///
/// In a test, expect that ``brokenPromises(of:byteCountResentMax:contents:)`` is empty.
public enum DestinationContract {
    /// Delivers batches whole, again, cut off at each read, damaged and cancelled.
    ///
    /// - Parameters:
    ///   - destination: empty, and nobody else's.
    ///   - byteCountResentMax: the most that may be sent twice after a cut: an object, a chunk or a part. Files of the
    ///     batches have 3,000 bytes.
    ///   - contents: what a consumer finds of a batch: its files by path, the manifest among them; `nil` before it is
    ///     there.
    /// - Returns: a sentence for each promise that does not hold.
    public static func brokenPromises(
        of destination: any Destination, byteCountResentMax: Int = 3000,
        contents: (BatchID) async throws -> [String: [UInt8]]?
    ) async throws -> [String] {
        var broken: [String] = []
        func expect(_ holds: Bool, _ promise: String) { if !holds { broken.append(promise) } }
        func isWhole(_ batch: TestBatch) async throws -> Bool {
            try await contents(batch.id).map(batch.isWhole) ?? false
        }

        try await destination.check()
        let first = try TestBatch.make()
        expect(try await contents(first.id) == nil, "a check delivers nothing")
        let sent = Mutex(0)
        let receipt = try await destination.deliver(
            first, Delivery(notes: TestNotes()) { count in sent.withLock { $0 += count } })
        expect(receipt.batch == first.id.digest, "the receipt carries the digest of the batch")
        expect(!receipt.place.isEmpty, "the receipt says where the batch lies")
        expect(try await isWhole(first), "what was acknowledged is there, whole")
        expect(sent.withLock { $0 } == first.byteCount, "progress adds up to the size of the batch")

        _ = first.takeByteCountRead()
        expect(
            try await destination.deliver(first, Delivery(notes: TestNotes())) == receipt,
            "delivering again gives the same receipt")
        expect(first.takeByteCountRead() == 0, "what is there is not sent again")

        broken += try await cutOff(destination, byteCountResentMax, isWhole: isWhole, contents: contents)

        let damaged = try TestBatch.make(number: 100)
        damaged.damage("frames/picture-3.png")
        expect(
            await code(of: damaged, to: destination) == .batchDamaged, "a batch that is not what was sealed is damaged")
        expect(try await contents(damaged.id) == nil, "a damaged batch is not there")
        expect(try await isWhole(first), "other batches stay as they were")
        return broken
    }

    /// Fails at every read in turn, goes on each time, and looks at what consumers see meanwhile.
    private static func cutOff(
        _ destination: any Destination, _ byteCountResentMax: Int, isWhole: (TestBatch) async throws -> Bool,
        contents: (BatchID) async throws -> [String: [UInt8]]?
    ) async throws -> [String] {
        var broken: [String] = []
        let batch = try TestBatch.make(number: 2)
        let notes = TestNotes()
        let fileByteCount = batch.byteCount - batch.manifestData.count
        var byteCountRead = 0
        var cutCount = 0
        for readCount in 1... {
            batch.fail(afterReads: readCount)
            do {
                _ = try await destination.deliver(batch, Delivery(notes: notes))
                byteCountRead += batch.takeByteCountRead()
                break
            } catch {
                byteCountRead += batch.takeByteCountRead()
                cutCount += 1
                if try await contents(batch.id) != nil { broken.append("nobody sees half a batch") }
            }
            guard readCount < 1000 else { return broken + ["a delivery that is cut off again and again ends at last"] }
        }
        if try await !isWhole(batch) { broken.append("a delivery that was cut off is whole at last") }
        if byteCountRead > fileByteCount + cutCount * byteCountResentMax {
            broken.append(
                "at most \(byteCountResentMax) bytes are sent twice for a cut: \(byteCountRead) of \(fileByteCount) "
                    + "were read in \(cutCount) cuts")
        }

        let cancelled = try TestBatch.make(pictureCount: 200, number: 3)
        let task = Task { try await destination.deliver(cancelled, Delivery(notes: notes)) }
        task.cancel()
        if case .success(let receipt) = await task.result, receipt.batch != cancelled.id.digest {
            broken.append("a receipt that was given in spite of a cancellation is a true one")
        }
        _ = try await destination.deliver(cancelled, Delivery(notes: notes))
        if try await !isWhole(cancelled) { broken.append("a delivery goes on after it was cancelled") }
        return broken
    }

    private static func code(of batch: TestBatch, to destination: any Destination) async -> GleanerError.Code? {
        do {
            _ = try await destination.deliver(batch, Delivery(notes: TestNotes()))
            return nil
        } catch {
            return (error as? GleanerError)?.code
        }
    }
}
