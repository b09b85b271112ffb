import GleanerCore

/// When audit samples are taken: evenly, but sooner after an alarm.
///
/// Labels are the only ones to tell whether a model still holds when scenes become unfamiliar, so that the coin takes
/// twice as many at once, and half as many afterwards, until they are paid back. What audit samples cost stays what
/// the user set. Each sample's own probability is recorded, so that estimates stay fair.
struct AuditPace: Hashable, Sendable {
    /// Taken at the double rate after an alarm: thirty more than there would be, about what gives an estimate.
    static let hurriedCount = 60

    private var hurriedLeft = 0
    private var repaidLeft = 0

    /// What the coin's probability is multiplied with.
    var factor: Double { hurriedLeft > 0 ? 2 : repaidLeft > 0 ? 0.5 : 1 }

    /// Scenes became unfamiliar. As long as an earlier alarm is not paid back it changes nothing.
    mutating func alarm() {
        guard hurriedLeft == 0, repaidLeft == 0 else { return }
        hurriedLeft = Self.hurriedCount
        repaidLeft = Self.hurriedCount / 2
    }

    /// The coin took a frame.
    mutating func taken() {
        if hurriedLeft > 0 {
            hurriedLeft -= 1
        } else {
            repaidLeft = max(repaidLeft - 1, 0)
        }
    }

    var state: JSONValue { .array([.integer(hurriedLeft), .integer(repaidLeft)]) }

    /// Goes on from a ``state``; one that it does not understand is ignored.
    mutating func restore(_ state: JSONValue?) {
        guard case .array(let items)? = state, items.count == 2, case .integer(let hurried) = items[0],
            case .integer(let repaid) = items[1], (0...Self.hurriedCount).contains(hurried),
            (0...Self.hurriedCount).contains(repaid)
        else { return }
        hurriedLeft = hurried
        repaidLeft = repaid
    }
}
