import GRDB
import GleanerCore

/// One page of samples.
struct SampleQuery {
    private let order: SampleOrder
    private let cursor: SampleCursor?
    private let limit: Int
    private var conditions: [String] = []
    private var arguments: StatementArguments = []
    /// The label states whose samples are merged; `nil` when they are all sorted, as those of a class are, which may be rare.
    private let merged: [LabelState]?

    init(filter: SampleFilter, order: SampleOrder, after cursor: SampleCursor?, limit: Int) {
        self.order = order
        self.cursor = cursor
        self.limit = limit
        let isSorted = order == .newest || filter.topClass != nil && filter.labelState == nil
        merged = isSorted ? nil : filter.labelState.map { [$0] } ?? LabelState.allCases
        if let state = filter.labelState { add("label_state = ?", [state.rawValue]) }
        if let pixels = filter.pixels { add("pixels = ?", [pixels.rawValue]) }
        if let reason = filter.reason { add("reason = ?", [reason]) }
        if let topClass = filter.topClass { add("top_class = ?", [topClass]) }
        if let model = filter.model {
            add(
                "model_key = (SELECT model_key FROM model WHERE name = ? AND version = ? AND digest = ?)",
                [model.name, model.version, model.digest.data])
        }
        guard merged == nil, let cursor else { return }
        switch order {
        case .newest: add("sample_key < ?", [cursor.key])
        case .utility: add("(utility, sample_key) < (?, ?)", [cursor.utility, cursor.key])
        }
    }

    private mutating func add(_ condition: String, _ values: StatementArguments) {
        conditions.append(condition)
        arguments += values
    }

    /// The page as ``WholeRow`` reads it, and where the next one begins.
    func page(_ db: Database) throws -> (rows: [Row], next: SampleCursor?) {
        let columns = order == .newest ? "sample_key DESC" : "utility DESC, sample_key DESC"
        var (condition, arguments) = (conditions.joined(separator: " AND "), arguments)
        if let merged {
            condition = "sample_key IN (SELECT value FROM json_each(?))"
            arguments = [BatchChoice.json(try keys(merged, db))]
        }
        // The page is cut before anything is joined: a join first would sort the whole queue.
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT \(WholeRow.columns), s.utility
                FROM (SELECT * FROM sample \(condition.isEmpty ? "" : "WHERE " + condition) ORDER BY \(columns) LIMIT ?) s
                \(WholeRow.joins(label: "s.label_key"))
                ORDER BY \(columns.replacing("sample_key", with: "s.sample_key"))
                """, arguments: arguments + [limit])
        guard rows.count == limit, let last = rows.last else { return (rows, nil) }
        return (rows, SampleCursor(key: last["sample_key"], utility: last["utility"]))
    }

    private func keys(_ states: [LabelState], _ db: Database) throws -> [Int64] {
        var merge = try PartMerge(
            db, states.map { "label_state = '\($0.rawValue)'" }, by: "utility", newestFirst: true,
            where: (conditions.isEmpty ? "1" : conditions.joined(separator: " AND "), arguments),
            after: cursor.map { PartMerge.Place(value: $0.utility, key: $0.key) })
        return try merge.keys(limit)
    }
}
