import GleanerCore
import GleanerImaging
import Synchronization

/// A frame as a model takes it, in memory of its own: one is filled while the model looks at another.
final class ModelInput {
    let spec: InputSpec
    let tensor: TensorBuffer
    private(set) var letterbox: Letterbox?
    private var writer: InputWriter

    init(_ spec: InputSpec) throws {
        self.spec = spec
        tensor = TensorBuffer(name: spec.name ?? "frame", elementType: spec.type, shape: spec.shape)
        writer = try InputWriter(spec: spec, input: tensor)
    }

    func fill(from pixels: PixelBuffer) { letterbox = writer.fill(from: pixels) }
}

/// What the judge would like to find prepared, told to the thread that prepares.
final class InputWish: Sendable {
    private let spec = Mutex<InputSpec?>(nil)
    private let isWanted = Atomic<Bool>(true)

    /// How the model that serves takes a frame; `nil` while that is not known.
    var served: InputSpec? { spec.withLock { $0 } }

    /// The same, and `nil` also while frames are likely to be turned away before a model is asked.
    var wanted: InputSpec? { isWanted.load(ordering: .relaxed) ? served : nil }

    func serve(_ spec: InputSpec) { self.spec.withLock { $0 = spec } }

    /// Where one frame is like the one before, the next one is too, most often: preparing it would be for nothing.
    func tell(wasAsked: Bool) { isWanted.store(wasAsked, ordering: .relaxed) }
}
