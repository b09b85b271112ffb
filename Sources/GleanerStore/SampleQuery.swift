import GRDB
import GleanerCore

/// The SQL of one page of samples.
struct SampleQuery {
    let sql: String
    let arguments: StatementArguments
    let limit: Int

    init(filter: SampleFilter, order: SampleOrder, after cursor: SampleCursor?, limit: Int) {
        var conditions: [String] = []
        var arguments: StatementArguments = []
        func add(_ condition: String, _ values: StatementArguments) {
            conditions.append(condition)
            arguments += values
        }
        if let state = filter.labelState { add("label_state = ?", [state.rawValue]) }
        if let pixels = filter.pixels { add("pixels = ?", [pixels.rawValue]) }
        if let reason = filter.reason { add("reason = ?", [reason]) }
        if let topClass = filter.topClass { add("top_class = ?", [topClass]) }
        if let model = filter.model {
            add(
                "model_key = (SELECT model_key FROM model WHERE name = ? AND version = ? AND digest = ?)",
                [model.name, model.version, model.digest.data])
        }
        let columns: String
        switch order {
        case .newest:
            columns = "sample_key DESC"
            if let cursor { add("sample_key < ?", [cursor.key]) }
        case .utility:
            columns = "utility DESC, sample_key DESC"
            if let cursor { add("(utility, sample_key) < (?, ?)", [cursor.utility, cursor.key]) }
        }
        let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        // The page is cut before anything is joined: a join first would sort the whole queue.
        sql = """
            SELECT \(WholeRow.columns)
            FROM (SELECT * FROM sample \(condition) ORDER BY \(columns) LIMIT ?) s
            \(WholeRow.joins(label: "s.label_key"))
            ORDER BY \(columns.replacing("sample_key", with: "s.sample_key"))
            """
        self.arguments = arguments + [limit]
        self.limit = limit
    }

    static func cursor(_ row: Row) -> SampleCursor {
        SampleCursor(key: row["sample_key"], utility: row["utility"])
    }
}
