import GRDB

/// Samples in an order that their index keeps only within parts of the queue: the largest of a column first.
///
/// A part is 1024 samples that were stored one after the other. A new sample has its place among the few pages of the
/// newest part, however many samples there are; who asks for an order merges the parts. Where each begins is looked up at
/// once, and its samples are read some at a time, when their turn comes. A copy goes on from where it was made, if the
/// samples are what they were then.
struct PartMerge {
    /// Where a sample stands.
    struct Place {
        var range = 0
        let value: Double
        let key: Int64
    }

    /// A part of a range, as far as it was not taken.
    private struct Lane {
        let part: Int64
        /// What was read, the last first.
        var read: [Place] = []
        /// After it come the others; `nil` when there are none.
        var rest: Place?
        /// How many are read next: a few are wanted of most parts, and of some all.
        var readCount = 16
        /// Nothing in it comes before that.
        var first: Place? { read.last ?? rest }
    }

    /// As the indexes are made.
    private static let part = "sample_key >> \(partShift)"
    private static let partShift: Int64 = 10

    private let db: Database
    private let ranges: [String]
    private let column: String
    private let newestFirst: Bool
    private let takesRangesInTurn: Bool
    private let filter: (condition: String, arguments: StatementArguments)
    /// A heap.
    private var lanes: [Lane] = []

    /// - Parameters:
    ///   - ranges: conditions, each of which leaves the part and `column` next in an index.
    ///   - newestFirst: what comes first of equal ones: the newest, or the oldest.
    ///   - takesRangesInTurn: all of one range, then all of the next, instead of all in one order.
    ///   - filter: what else is asked of samples. They are looked at in their order, as with one index of all.
    ///   - start: a place to go on from.
    init(
        _ db: Database, _ ranges: [String], by column: String, newestFirst: Bool = false,
        takesRangesInTurn: Bool = false, where filter: (condition: String, arguments: StatementArguments) = ("1", []),
        after start: Place? = nil
    ) throws {
        self.db = db
        self.ranges = ranges
        self.column = column
        self.newestFirst = newestFirst
        self.takesRangesInTurn = takesRangesInTurn
        self.filter = filter
        for range in ranges.indices { try findLanes(of: range, after: start) }
        for index in lanes.indices.reversed() { settle(index) }
    }

    /// The next sample, or `nil` after the last one.
    mutating func next() throws -> Place? {
        while !lanes.isEmpty {
            let place = lanes[0].read.popLast()
            if place == nil { try readFirstLane() }
            if lanes[0].first == nil {
                lanes.swapAt(0, lanes.count - 1)
                lanes.removeLast()
            }
            settle(0)
            if let place { return place }
        }
        return nil
    }

    /// The keys of the next samples.
    mutating func keys(_ count: Int) throws -> [Int64] {
        var keys: [Int64] = []
        while keys.count < count, let place = try next() { keys.append(place.key) }
        return keys
    }

    /// Parts that have nothing in the range are stepped over.
    private mutating func findLanes(of range: Int, after start: Place?) throws {
        let condition = ranges[range]
        let heads = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    WITH RECURSIVE lane (part) AS (
                      SELECT max(\(Self.part)) FROM sample WHERE \(condition)
                      UNION ALL
                      SELECT (SELECT max(\(Self.part)) FROM sample WHERE \(condition) AND \(Self.part) < part) FROM lane
                      WHERE part IS NOT NULL)
                    SELECT part, (SELECT max(\(column)) FROM sample
                      WHERE \(condition) AND \(Self.part) = part AND \(start == nil ? "1" : after)) AS value
                    FROM lane WHERE part IS NOT NULL
                    """),
            arguments: start.map(arguments) ?? [])
        while let head = try heads.next() {
            guard let value: Double = head["value"] else { continue }
            let part: Int64 = head["part"]
            let key = newestFirst ? (part + 1) << Self.partShift : (part << Self.partShift) - 1
            var rest = Place(range: range, value: value, key: key)
            if let start, precedes(rest, start) { rest = Place(range: range, value: start.value, key: start.key) }
            lanes.append(Lane(part: part, rest: rest))
        }
    }

    private mutating func readFirstLane() throws {
        guard let rest = lanes[0].rest else { return }
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT \(column), sample_key, (\(filter.condition)) IS TRUE FROM sample
                    WHERE \(ranges[rest.range]) AND \(Self.part) = ? AND \(after)
                    ORDER BY \(column) DESC, sample_key \(newestFirst ? "DESC" : "ASC") LIMIT ?
                    """),
            arguments: filter.arguments + [lanes[0].part] + arguments(rest) + [lanes[0].readCount])
        let places = rows.map { (place: Place(range: rest.range, value: $0[0], key: $0[1]), fits: $0[2] as Bool) }
        lanes[0].read = places.reversed().filter(\.fits).map(\.place)
        lanes[0].rest = rows.count < lanes[0].readCount ? nil : places.last?.place
        // Each reading steps over what has the same value and was read before.
        lanes[0].readCount = min(2 * lanes[0].readCount, 1 << Self.partShift)
    }

    /// What comes after a place; the first comparison leads into the index.
    private var after: String {
        newestFirst
            ? "(\(column), sample_key) < (?, ?)" : "\(column) <= ? AND (\(column) < ? OR sample_key > ?)"
    }

    private func arguments(_ place: Place) -> StatementArguments {
        newestFirst ? [place.value, place.key] : [place.value, place.value, place.key]
    }

    private func precedes(_ one: Place, _ other: Place) -> Bool {
        if takesRangesInTurn, one.range != other.range { return one.range < other.range }
        if one.value != other.value { return one.value > other.value }
        return newestFirst ? one.key > other.key : one.key < other.key
    }

    /// Moves a lane down the heap until none below it comes before it.
    private mutating func settle(_ index: Int) {
        var index = index
        while true {
            var first = index
            for child in [2 * index + 1, 2 * index + 2] where child < lanes.count && isBefore(child, first) {
                first = child
            }
            guard first != index else { return }
            lanes.swapAt(index, first)
            index = first
        }
    }

    private func isBefore(_ index: Int, _ other: Int) -> Bool {
        guard let one = lanes[index].first, let other = lanes[other].first else { return false }
        return precedes(one, other)
    }
}
