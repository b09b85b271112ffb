import COnnxRuntime
import GleanerCore

/// The ONNX Runtime library of this machine: looked for and loaded while running, so that one Gleaner serves the
/// wheel, Debian's package, NVIDIA's builds and whatever comes next.
///
/// It stays in the process for good: the library has threads and exit handlers of its own and does not survive
/// being unloaded.
///
/// `@unchecked Sendable`: it is immutable, and ONNX Runtime's table, environment, allocator and memory description
/// may be used from any thread.
public final class OnnxRuntime: @unchecked Sendable {
    /// The file that was loaded.
    public let path: String
    /// As the library tells it, such as `1.32.0`.
    public let version: String
    /// What models can run on, by the names that configurations use: `cpu`, `cuda`, `tensorrt`, `xnnpack`, …
    public let availableProviders: [String]

    let api: UnsafePointer<OrtApi>
    /// Belongs to the library; never released.
    let allocator: OpaquePointer
    private let environmentHandle: OrtHandle
    private let memoryHandle: OrtHandle

    var environment: OpaquePointer { environmentHandle.pointer }
    /// Says of a tensor that it lies in ordinary memory.
    var memory: OpaquePointer { memoryHandle.pointer }

    /// Finds and loads the library.
    ///
    /// Looked for in: `configuredPath`, the environment's `GLEANER_ONNXRUNTIME`, beside the executable and in its
    /// `../lib`, Gleaner's own folder in the user's cache, the system, an installed Python wheel. A path that
    /// somebody named is the only one tried: falling back silently would run another library than the one meant.
    ///
    /// - Throws: ``GleanerError`` with code `runtime.not_found`, `runtime.not_onnxruntime` or `runtime.too_old`.
    public static func load(configuredPath: String?) throws -> OnnxRuntime {
        try RuntimeSearch(places: .ofThisProcess(configuredPath: configuredPath)).load()
    }

    init(api: UnsafePointer<OrtApi>, path: String, version: String) throws {
        self.api = api
        self.path = path
        self.version = version
        let table = api.pointee
        // 4: only what is fatal. Everything else comes back as a status, and models print warnings by the hundred.
        environmentHandle = try api.make("start ONNX Runtime", release: table.ReleaseEnv) {
            api.pointee.CreateEnv(4, "gleaner", &$0)
        }
        // 0, 0: the device's own allocator and default memory.
        memoryHandle = try api.make("describe memory", release: table.ReleaseMemoryInfo) {
            api.pointee.CreateCpuMemoryInfo(0, 0, &$0)
        }
        allocator = try api.get("find the allocator") { api.pointee.GetAllocatorWithDefaultOptions(&$0) }
        availableProviders = try api.providerNames().map(ExecutionProvider.shortName)
    }
}

extension UnsafePointer<OrtApi> {
    /// The one door through which statuses come back: `nil` for success.
    func failure(of status: OpaquePointer?) -> OrtFailure? {
        guard let status else { return nil }
        defer { pointee.ReleaseStatus(status) }
        let message = String(cString: pointee.GetErrorMessage(status))
        return OrtFailure(code: OrtFailure.Code(rawValue: pointee.GetErrorCode(status)), message: message)
    }

    /// - Throws: ``GleanerError`` with code `runtime.failed`; `step` completes the sentence "ONNX Runtime cannot …".
    func check(_ status: OpaquePointer?, _ step: @autoclosure () -> String) throws {
        guard let failure = failure(of: status) else { return }
        throw GleanerError(.runtimeFailed, "ONNX Runtime cannot \(step())", cause: failure)
    }

    /// Receives a pointer that a call gives out.
    func get(
        _ step: @autoclosure () -> String, _ call: (inout OpaquePointer?) -> OpaquePointer?
    ) throws -> OpaquePointer {
        var pointer: OpaquePointer?
        try check(call(&pointer), step())
        guard let pointer else {
            throw GleanerError(.runtimeFailed, "ONNX Runtime cannot \(step()): it gave nothing")
        }
        return pointer
    }

    /// Receives an object that a call makes; `owner` is what must not be released before it.
    func make(
        _ step: @autoclosure () -> String, release: @escaping @convention(c) (OpaquePointer) -> Void,
        keeping owner: AnyObject? = nil, _ call: (inout OpaquePointer?) -> OpaquePointer?
    ) throws -> OrtHandle {
        OrtHandle(try get(step(), call), release: release, keeping: owner)
    }

    fileprivate func providerNames() throws -> [String] {
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        var count: Int32 = 0
        try check(pointee.GetAvailableProviders(&names, &count), "list its providers")
        defer { _ = failure(of: pointee.ReleaseAvailableProviders(names, count)) }
        guard let names else { return [] }
        return (0..<Int(count)).compactMap { names[$0].map { String(cString: $0) } }
    }
}

/// A status that ONNX Runtime returned.
struct OrtFailure: Error, CustomStringConvertible {
    enum Code: Int32 {
        case fail = 1, invalidArgument, noSuchFile, noModel, engineError, runtimeException, invalidProtobuf
        case modelLoaded, notImplemented, invalidGraph, providerFailed
    }
    /// `nil` for one that this list does not have.
    var code: Code?
    /// The runtime's own words.
    var message: String
    var description: String { message }
}
