#if Video
    public import GleanerCore

    /// What to make of a video's frames.
    public struct VideoSettings: Hashable, Sendable {
        /// At most so many frames of each second, of a file by its own clock; `nil` for all.
        public var framesPerSecond: Double?
        /// Of each frame only this.
        public var region: VideoRegion?
        /// For decoding.
        public var threadCount = 1
        /// How frames that are kept are encoded.
        public var keptAs: PictureEncoding
        public init(keptAs: PictureEncoding) { self.keptAs = keptAs }
    }

    /// A rectangle of a video's pixels, from the upper left corner.
    public struct VideoRegion: Hashable, Sendable {
        public var x: Int
        public var y: Int
        public var width: Int
        public var height: Int
        public init(x: Int, y: Int, width: Int, height: Int) {
            self.x = x
            self.y = y
            self.width = width
            self.height = height
        }
    }

    /// Leaves out frames that come sooner than a rate allows.
    struct VideoPace {
        private let interval: Double
        private var due = -Double.infinity

        init(framesPerSecond: Double?) { interval = framesPerSecond.map { 1 / $0 } ?? 0 }

        mutating func admits(_ seconds: Double?) -> Bool {
            guard interval > 0, let seconds else { return true }
            // Frames are never quite where a clock of another rate would have them. A clock that jumped begins anew.
            let isInTime = abs(seconds - due) < 2 * interval
            guard !isInTime || seconds >= due - interval / 100 else { return false }
            due = (isInTime ? due : seconds) + interval
            return true
        }
    }
#endif
