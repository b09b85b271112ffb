import GleanerCore

/// The frames given last, so that an event that comes late, or twice, gives none of them again.
///
/// Bounded: frames further back are recorded by the collector, which is asked as well.
struct RecentOrigins: Sendable {
    private static let countMax = 1 << 16
    private var hashes: Set<Int> = []
    private var order: [Int] = []
    private var oldest = 0

    func contains(_ origin: FrameOrigin) -> Bool { hashes.contains(origin.hashValue) }

    mutating func insert(_ origin: FrameOrigin) {
        let hash = origin.hashValue
        guard hashes.insert(hash).inserted else { return }
        guard order.count == Self.countMax else { return order.append(hash) }
        hashes.remove(order[oldest])
        order[oldest] = hash
        oldest = (oldest + 1) % Self.countMax
    }
}
