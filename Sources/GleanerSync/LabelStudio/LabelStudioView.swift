#if Network
    import Foundation
    import GleanerCore

    /// A batch's view for Label Studio, beside the samples that it shows.
    struct LabelStudioView: Sendable {
        /// A sample, its picture and its task.
        struct Entry: Sendable {
            var sample: String
            var picture: BatchManifest.File
            var task: JSONValue
        }

        /// The name of the view, which each batch must have.
        static let format = "label-studio"
        private static let tasksFileName = "label-studio.json"
        private static let interfaceFileName = "label-studio-config.xml"
        private static let interfaceByteCountMax = 4 << 20

        let batch: any SealedBatch
        let interface: LabelingInterface
        /// Controls of the interface that predictions use, and the one for classes.
        let controls: Set<String>
        private let samples: BatchManifest.File
        private let tasks: BatchManifest.File

        /// Reads and checks the whole view.
        ///
        /// - Throws: ``GleanerError`` with code `destination.rejected` when Label Studio could not show it, or
        ///   `batch.damaged`.
        init(_ batch: any SealedBatch, _ cancellation: Cancellation) throws {
            self.batch = batch
            samples = try Self.file(BatchManifest.samplesFileName, of: batch)
            tasks = try Self.file(Self.tasksFileName, of: batch)
            try batch.forEachPiece(of: samples) { _ in try cancellation.check() }
            try batch.forEachPiece(of: tasks) { _ in try cancellation.check() }
            interface = LabelingInterface(try Self.interface(of: batch))
            var check = LabelStudioTaskCheck(interface)
            var pairs = Pairs(samples: samples, tasks: tasks, of: batch)
            while let (sample, task) = try pairs.next() {
                try cancellation.check()
                try check.check(task, of: sample.id)
            }
            // The classes are needed even where no prediction claims one.
            controls = check.controls.union(interface.controls.keys.filter { $0 == "label" })
        }

        private static func file(_ path: String, of batch: any SealedBatch) throws -> BatchManifest.File {
            guard let file = batch.manifest.files.first(where: { $0.path == path }) else {
                throw GleanerError(
                    .destinationRejected, "batch \(batch.id.short) has no '\(path)'",
                    remedy: "it was sealed for another destination; export it there")
            }
            return file
        }

        private static func interface(of batch: any SealedBatch) throws -> String {
            let file = try file(interfaceFileName, of: batch)
            var bytes: [UInt8] = []
            try batch.forEachPiece(of: file) { piece in
                guard bytes.count + piece.count <= interfaceByteCountMax else {
                    throw GleanerError(
                        .destinationRejected, "the labeling interface has \(ByteCount.format(file.bytes))",
                        remedy: "ask about fewer classes")
                }
                bytes += piece
            }
            return String(decoding: bytes, as: UTF8.self)
        }

        /// Hands out the entries in groups of at most so many; only one is in memory.
        struct Groups {
            private var pairs: Pairs
            private let files: [String: BatchManifest.File]
            private let count: Int

            init(of view: LabelStudioView, count: Int) {
                pairs = Pairs(samples: view.samples, tasks: view.tasks, of: view.batch)
                files = Dictionary(uniqueKeysWithValues: view.batch.manifest.files.map { ($0.path, $0) })
                self.count = count
            }

            mutating func next() throws -> [Entry] {
                var group: [Entry] = []
                while group.count < count, let (sample, task) = try pairs.next() {
                    guard let picture = files[sample.file] else {
                        throw GleanerError(
                            .batchDamaged, "the manifest does not list the picture '\(sample.file)'",
                            remedy: "the disk of the device may be failing; its samples leave with the next batch")
                    }
                    let value: JSONValue = try CanonicalJSON.decode(from: task, named: "the task of \(sample.id)")
                    group.append(Entry(sample: sample.id, picture: picture, task: value))
                }
                return group
            }
        }

        /// What has to be known of a sample.
        struct Sample: Decodable {
            var id: String
            var file: String
        }

        /// Samples and their tasks, which lie in two files in the same order.
        struct Pairs {
            private var samples: BatchLines
            private var tasks: BatchLines

            init(samples: BatchManifest.File, tasks: BatchManifest.File, of batch: any SealedBatch) {
                self.samples = BatchLines(samples, of: batch)
                self.tasks = BatchLines(tasks, of: batch)
            }

            mutating func next() throws -> (sample: Sample, task: Data)? {
                guard let line = try samples.next() else { return nil }
                let sample: Sample = try CanonicalJSON.decode(from: Data(line), named: "a line of samples.jsonl")
                guard let task = try nextTask() else {
                    throw GleanerError(
                        .destinationRejected, "the view for Label Studio lacks sample \(sample.id)",
                        remedy: "the batch is broken; export its samples elsewhere")
                }
                return (sample, task)
            }

            /// The array has one element a line, between lines with its brackets.
            private mutating func nextTask() throws -> Data? {
                while let line = try tasks.next() {
                    let isBracket = line.isEmpty || line == [UInt8(ascii: "[")] || line == [UInt8(ascii: "]")]
                    if !isBracket { return Data(line.last == UInt8(ascii: ",") ? line.dropLast() : line[...]) }
                }
                return nil
            }
        }
    }
#endif
