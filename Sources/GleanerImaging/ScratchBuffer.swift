/// Working memory that only ever grows, so that a steady stream of frames allocates nothing.
///
/// `@unchecked Sendable`: it cannot be copied, so its memory has one owner.
struct ScratchBuffer<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
    private(set) var base = UnsafeMutablePointer<Element>.allocate(capacity: 1)
    private var capacity = 1

    deinit { base.deallocate() }

    /// Makes room for `count` elements; what was there is lost when it had to grow.
    mutating func reserve(_ count: Int) {
        guard count > capacity else { return }
        base.deallocate()
        base = .allocate(capacity: count)
        capacity = count
    }
}
