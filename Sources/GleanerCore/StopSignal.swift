import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A request to stop that a thread can look at between two steps, or wait for beside other file descriptors.
public final class StopSignal: Sendable {
    private let raised = Atomic<Bool>(false)
    /// Becomes readable once the signal is raised, for `poll`. -1 if the system had no descriptor left; polling
    /// then ignores it and callers fall back on their time-out.
    public let descriptor: Int32
    private let writeEnd: Int32

    public init() {
        var ends: [Int32] = [-1, -1]
        if pipe(&ends) == 0 {
            for end in ends {
                _ = fcntl(end, F_SETFD, FD_CLOEXEC)
                _ = fcntl(end, F_SETFL, O_NONBLOCK)
            }
        }
        descriptor = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if writeEnd >= 0 { close(writeEnd) }
    }

    public var isRaised: Bool { raised.load(ordering: .acquiring) }

    /// Waits until the signal is raised or the time is over; returns whether it is raised.
    public func wait(seconds: Double) -> Bool {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&poller, 1, Int32(seconds * 1000))
        return isRaised
    }

    /// Raises the signal for good; raising it again does nothing.
    public func raise() {
        guard !raised.exchange(true, ordering: .acquiringAndReleasing) else { return }
        var one: UInt8 = 1
        _ = write(writeEnd, &one, 1)
    }
}
