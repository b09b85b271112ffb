import GRDB
public import GleanerCore

extension DeploymentStore {
    /// The perceptual hashes of the newest samples, oldest first: what new frames are compared with. Those that will
    /// never be labeled are left out: their like may be kept again.
    public func recentHashes(limit: Int) throws -> [(id: SampleID, hash: PerceptualHash)] {
        let rows = try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT json_extract(CAST(json AS TEXT), '$.id') AS id,
                      json_extract(CAST(json AS TEXT), '$.perceptual_hash') AS hash
                    FROM record JOIN sample USING (sample_key) WHERE label_state <> 'expired'
                    ORDER BY sample_key DESC LIMIT ?
                    """, arguments: [limit])
        }
        // A record that cannot be read is found and put aside when its sample is used; it has no hash to compare.
        return rows.reversed().compactMap { row in
            guard let id = (row["id"] as String?).flatMap({ SampleID($0) }),
                let bits = (row["hash"] as String?).flatMap({ UInt64($0, radix: 16) })
            else { return nil }
            return (id, PerceptualHash(bits: bits))
        }
    }
}
