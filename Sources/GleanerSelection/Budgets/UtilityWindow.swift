import Foundation
import GleanerCore

/// The newest utilities, or other numbers, in the order they came and by size.
///
/// They are kept as 32-bit floats: enough to rank them, and half of what must survive a restart.
struct UtilityWindow {
    private var arrivals: [Float] = []
    private var sorted: [Float] = []

    var count: Int { sorted.count }

    /// Adds one, and forgets the oldest so that at most `capacity` remain.
    mutating func append(_ value: Float, capacity: Int) {
        arrivals.append(value)
        sorted.insert(value, at: place(of: value))
        let excess = arrivals.count - max(capacity, 1)
        guard excess > 0 else { return }
        for old in arrivals.prefix(excess) { sorted.remove(at: place(of: old)) }
        arrivals.removeFirst(excess)
    }

    mutating func removeAll() {
        arrivals.removeAll()
        sorted.removeAll()
    }

    /// The value that a share `level` of them lies below, interpolated between neighbours; 0 when there are none.
    func quantile(_ level: Double) -> Double {
        guard let last = sorted.indices.last else { return 0 }
        let position = min(max(level, 0), 1) * Double(last)
        let lower = Int(position)
        let upper = min(lower + 1, last)
        let low = Double(sorted[lower])
        return low + (position - Double(lower)) * (Double(sorted[upper]) - low)
    }

    /// The median, without interpolation; 0 when there are none.
    var middle: Float { sorted.isEmpty ? 0 : sorted[sorted.count / 2] }

    /// The share of them that is smaller, those that are equal counted by half; 0.5 when there are none.
    func rank(of value: Float) -> Double {
        guard !sorted.isEmpty else { return 0.5 }
        let below = place(of: value)
        var upTo = below
        while upTo < sorted.count, sorted[upTo] == value { upTo += 1 }
        return (Double(below) + Double(upTo - below) / 2) / Double(sorted.count)
    }

    /// From the 5th to the 95th percentile: the range without its outliers.
    var spread: Double { quantile(0.95) - quantile(0.05) }

    /// The first place whose value is not smaller.
    private func place(of value: Float) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension UtilityWindow {
    /// A window is never longer than this, restored ones included.
    static let capacityMax = 65_536

    /// The arrivals in order: 4 bytes each, little-endian, in Base64.
    var encoded: String {
        var bytes = Data(capacity: 4 * arrivals.count)
        for value in arrivals {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes.base64EncodedString()
    }

    /// Reads ``encoded``; `nil` for anything that is not a list of utilities.
    init?(encoded: String) {
        guard encoded.utf8.count <= 6 * Self.capacityMax, let data = Data(base64Encoded: encoded),
            data.count.isMultiple(of: 4), data.count <= 4 * Self.capacityMax
        else { return nil }
        let bytes = Array(data)
        for start in stride(from: 0, to: bytes.count, by: 4) {
            let bits = bytes[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let value = Float(bitPattern: bits)
            guard (0...1).contains(value) else { return nil }
            arrivals.append(value)
        }
        sorted = arrivals.sorted()
    }
}
