import CLinux
import Foundation
import GleanerCore
import GleanerExport
import GleanerImaging
import GleanerInference

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The other side of an isolated model: the process that runs it.
///
/// It hears its job and then pictures on standard input, which is a socket, and answers there, a line each. It puts up
/// its walls before it reads the first byte of the model.
public enum IsolatedModelServer {
    /// The command of `gleaner` that comes here. Nobody types it.
    public static let commandName = "isolated-model"
    /// A picture larger than this is not sent.
    static let pictureByteCountMax = 256 << 20

    /// Whether this process was started for it.
    public static var isCalled: Bool { CommandLine.arguments.dropFirst().first == commandName }

    /// Serves until the other side closes the socket, and ends the process. To be called before there is a second thread.
    public static func main() -> Never {
        do {
            try run()
            exit(0)
        } catch {
            // Nobody listens any more: the other side sees that the process ended, and how.
            exit(64)
        }
    }

    private static func run() throws {
        let connection = Connection()
        let job = try CanonicalJSON.decode(
            IsolationJob.self, from: try connection.line(byteCountMax: IsolationJob.byteCountMax), named: "the job")
        let model: LoadedModel
        do {
            let began = ContinuousClock.now
            let walls = try putUpWalls(job)
            connection.endWithOtherSide()
            model = try load(job)
            let seconds = (ContinuousClock.now - began).seconds
            try connection.send(IsolationReply(ready: .init(loadSeconds: seconds, walls: walls)))
        } catch {
            return try connection.send(IsolationReply(failure: .init(telling: error)))
        }
        var decoder = PictureDecoder()
        var pixels = PixelBuffer()
        while let picture = try connection.picture(byteCountMax: pictureByteCountMax) {
            try connection.send(answer(picture, model, &decoder, &pixels))
        }
    }

    /// Before there is a second thread: most walls are put up a thread at a time.
    private static func putUpWalls(_ job: IsolationJob) throws -> [IsolationWall] {
        var walls: [IsolationWall] = []
        if gleaner_leave_network() == 0 { walls.append(.network) }
        // The runtime is not what is tried here: it is loaded from where it lies, and nothing of it runs yet.
        let runtime = try OnnxRuntime.load(configuredPath: job.library)
        // What runs on a graphics card has to write to its devices.
        if job.options.providers == ["cpu"], readOnly(job.folder, runtime.path) { walls.append(.files) }
        if gleaner_limit_memory(UInt(job.memoryByteCount)) == 0 { walls.append(.memory) }
        if let seconds = job.processorSeconds, gleaner_limit_processor(UInt(seconds)) == 0 { walls.append(.processor) }
        return walls
    }

    private static func load(_ job: IsolationJob) throws -> LoadedModel {
        let manifest = try ModelManifestReader.read(folder: job.folder)
        return try LoadedModel(
            ModelBundle(manifest: manifest, folder: URL(filePath: job.folder, directoryHint: .isDirectory)),
            engine: OnnxEngine(runtime: try OnnxRuntime.load(configuredPath: job.library), options: job.options),
            registries: .standard)
    }

    private static func readOnly(_ folder: String, _ library: String) -> Bool {
        let folders = [
            folder, PathName.parent(of: library), "/usr", "/lib", "/lib64", "/etc", "/opt", "/proc", "/sys",
        ]
        let words = folders.map { UnsafePointer(strdup($0)) }
        defer { for word in words { free(UnsafeMutablePointer(mutating: word)) } }
        return words.withUnsafeBufferPointer { gleaner_read_only_below($0.baseAddress, Int32($0.count)) } == 0
    }

    private static func answer(
        _ picture: [UInt8], _ model: LoadedModel, _ decoder: inout PictureDecoder, _ pixels: inout PixelBuffer
    ) -> IsolationReply {
        do {
            _ = try picture.withUnsafeBytes { try decoder.decode($0, into: &pixels, for: model.manifest.input) }
        } catch {
            return IsolationReply(isUnreadable: true)
        }
        do {
            let began = ContinuousClock.now
            let prediction = try model.judge(pixels).prediction
            let seconds = (ContinuousClock.now - began).seconds
            let record = PredictionRecord(
                prediction, labels: model.manifest.labels, scoreMin: model.decoder.scoreMin)
            return IsolationReply(
                answer: .init(prediction: record, seconds: seconds, memoryByteCount: ProcessMemory.byteCount))
        } catch {
            return IsolationReply(failure: .init(telling: error))
        }
    }

    /// The socket, moved out of the way of libraries that read and write where standard input and output are.
    private struct Connection: ~Copyable {
        private let socket: Int32

        init() {
            socket = fcntl(0, F_DUPFD_CLOEXEC, 10)
            let nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
            for standard in Int32(0)...2 { _ = dup2(nothing, standard) }
        }

        /// Ends this process when the other side is gone, whatever the model is doing then.
        func endWithOtherSide() {
            let socket = socket
            Thread.detachNewThread {
                var hangUp = pollfd(fd: socket, events: 0, revents: 0)
                while poll(&hangUp, 1, -1) <= 0 {}
                _exit(0)
            }
        }

        func line(byteCountMax: Int) throws -> Data {
            var line = Data()
            var byte: UInt8 = 0
            while line.count <= byteCountMax {
                guard try fill(&byte, 1) else { break }
                if byte == UInt8(ascii: "\n") { return line }
                line.append(byte)
            }
            throw GleanerError(.malformed, "this command is for Gleaner's own use")
        }

        /// `nil` once the other side has closed.
        func picture(byteCountMax: Int) throws -> [UInt8]? {
            var count = UInt32(0)
            guard try fill(&count, 4) else { return nil }
            let byteCount = Int(UInt32(littleEndian: count))
            guard byteCount <= byteCountMax else { return nil }
            var bytes = [UInt8](repeating: 0, count: byteCount)
            return try bytes.withUnsafeMutableBytes { try fill($0.baseAddress, byteCount) } ? bytes : nil
        }

        func send(_ reply: IsolationReply) throws {
            let line = try CanonicalJSON.encode(reply) + Data("\n".utf8)
            var rest = line[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { write(socket, $0.baseAddress, $0.count) }
                if count > 0 {
                    rest = rest.dropFirst(count)
                } else if errno != EINTR {
                    throw GleanerError.system("cannot answer through", "the socket", errno: errno)
                }
            }
        }

        /// Whether there were so many bytes.
        private func fill(_ start: UnsafeMutableRawPointer?, _ byteCount: Int) throws -> Bool {
            var done = 0
            while done < byteCount {
                let count = read(socket, start?.advanced(by: done), byteCount - done)
                if count > 0 {
                    done += count
                } else if count == 0 || errno != EINTR {
                    return false
                }
            }
            return true
        }
    }
}
