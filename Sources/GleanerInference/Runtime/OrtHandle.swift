/// An object of ONNX Runtime, released when its last owner is gone.
final class OrtHandle {
    let pointer: OpaquePointer
    private let release: @convention(c) (OpaquePointer) -> Void

    init(_ pointer: OpaquePointer, release: @escaping @convention(c) (OpaquePointer) -> Void) {
        self.pointer = pointer
        self.release = release
    }

    deinit { release(pointer) }
}
