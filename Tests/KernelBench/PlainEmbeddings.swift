import GleanerCore

/// Embeddings and how far they are from each other, in plain loops.
enum PlainEmbeddings {
    static func squaredDistance(_ a: Embedding, _ b: Embedding) -> Float {
        var dot: Float = 0
        for index in a.values.indices { dot += a.values[index] * b.values[index] }
        return max(0, 2 - 2 * dot)
    }

    /// The place of the closest, and how far it is.
    static func nearest(to embedding: Embedding, among others: [Embedding]) -> (place: Int, distance: Float) {
        var best = (place: 0, distance: Float.infinity)
        for (place, other) in others.enumerated() {
            let distance = squaredDistance(embedding, other)
            if distance < best.distance { best = (place, distance) }
        }
        return best
    }
}
