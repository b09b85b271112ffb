/// An object of ONNX Runtime, released when its last owner is gone.
final class OrtHandle {
    let pointer: OpaquePointer
    private let release: @convention(c) (OpaquePointer) -> Void
    private let owner: AnyObject?

    /// - Parameter owner: What must not be released before this object.
    init(
        _ pointer: OpaquePointer, release: @escaping @convention(c) (OpaquePointer) -> Void, keeping owner: AnyObject?
    ) {
        self.pointer = pointer
        self.release = release
        self.owner = owner
    }

    deinit { release(pointer) }
}
