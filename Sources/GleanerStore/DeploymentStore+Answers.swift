import GRDB
public import GleanerCore

/// What those were answered who handed frames over: who asks again hears the same, and the frame is not offered twice.
extension DeploymentStore {
    /// Answers further back make room: about 5 MB, and more than 18 hours of a frame each second.
    public static let rememberedAnswerCount = 1 << 16

    /// What was answered, if that is remembered.
    public func answer(to origin: FrameOrigin) throws -> FrameAnswer? {
        try read { db in
            let row = try db.first(
                """
                SELECT decision, reason, sample FROM answer JOIN source USING (source_key)
                WHERE source.name = ? AND answer.name = ?
                """, [origin.source, String(origin.name)])
            guard let row, let decision = FrameAnswer.Decision(rawValue: row["decision"]) else { return nil }
            return FrameAnswer(
                decision, reason: row["reason"], sample: (row["sample"] as String?).flatMap { SampleID($0) })
        }
    }

    func remember(_ answers: [FrameOrigin: FrameAnswer], _ keys: inout KeyCache, _ db: Database) throws {
        guard !answers.isEmpty else { return }
        for (origin, answer) in answers {
            try db.run(
                """
                INSERT INTO answer (source_key, name, decision, reason, sample) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO NOTHING
                """,
                [
                    try keys.source(origin.source), String(origin.name), answer.decision.rawValue, answer.reason,
                    answer.sample?.description,
                ])
        }
        // Keys only grow while the newest row stays, and it does.
        try db.run(
            "DELETE FROM answer WHERE answer_key <= (SELECT max(answer_key) FROM answer) - ?",
            [Self.rememberedAnswerCount])
    }
}
