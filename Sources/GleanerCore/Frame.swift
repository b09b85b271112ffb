/// How a picture's bytes are encoded.
public enum PictureEncoding: String, Sendable, Codable, CaseIterable {
    case png
    case jpeg

    /// The ending of its file names, without a dot.
    public var fileExtension: String {
        switch self {
        case .png: "png"
        case .jpeg: "jpg"
        }
    }
}

/// A picture as it is kept, with the digest of its bytes: computed once, and right for good.
public struct Picture: Sendable {
    public let bytes: [UInt8]
    public let sha256: Digest
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        sha256 = Digest(of: bytes)
    }
}

/// Row-major pixels of three interleaved channels, red first, 8 bits each, without padding.
///
/// They show a frame, in its own size or in a smaller one: a large picture is decoded only as far as somebody needs it.
///
/// Its memory is reused from frame to frame: ``resize(width:height:)`` only ever grows it.
public struct PixelBuffer: Sendable {
    public private(set) var width = 0
    public private(set) var height = 0
    /// Size of the frame that is shown, which boxes and records go by; at least that of the pixels.
    public private(set) var frameWidth = 0
    public private(set) var frameHeight = 0
    /// At least `width × height × 3` bytes; only the first so many are the picture.
    public private(set) var storage: [UInt8] = []

    public init() {}

    /// A picture of one colour: black.
    public init(width: Int, height: Int) {
        resize(width: width, height: height)
    }

    /// A picture from its bytes. Traps unless there are exactly `width × height × 3`.
    public init(width: Int, height: Int, bytes: [UInt8]) {
        precondition(width > 0 && height > 0 && bytes.count == width * height * 3, "pixels do not fill the picture")
        (self.width, self.height) = (width, height)
        (frameWidth, frameHeight) = (width, height)
        storage = bytes
    }

    public var byteCount: Int { width * height * 3 }

    /// Gives the buffer another size, the frame's own; the content is then undefined.
    public mutating func resize(width: Int, height: Int) {
        precondition(width >= 0 && height >= 0, "a picture has no negative size")
        (self.width, self.height) = (width, height)
        (frameWidth, frameHeight) = (width, height)
        let needed = width * height * 3
        if storage.count < needed { storage = [UInt8](repeating: 0, count: needed) }
    }

    /// Says that the pixels are a smaller copy of a frame of this size.
    public mutating func show(frameWidth: Int, frameHeight: Int) {
        precondition(frameWidth >= width && frameHeight >= height, "pixels are no enlargement of their frame")
        (self.frameWidth, self.frameHeight) = (frameWidth, frameHeight)
    }

    public func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result {
        try storage.withUnsafeBufferPointer { try body(UnsafeBufferPointer(rebasing: $0[..<byteCount])) }
    }

    public mutating func withMutableBytes<Result>(
        _ body: (UnsafeMutableBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result {
        let count = byteCount
        return try storage.withUnsafeMutableBufferPointer {
            try body(UnsafeMutableBufferPointer(rebasing: $0[..<count]))
        }
    }
}

/// Where a frame came from, exactly enough to know it again after a restart.
public struct FrameOrigin: Hashable, Sendable {
    /// The source as the configuration names it, such as `folder:/data/frames`.
    public var source: String
    /// The frame's name in its source: for a folder, the path below it. A part of a longer text where a source has many
    /// names at once: one of its own would be an allocation for each frame.
    public var name: Substring
    /// Bytes of the file when it was read; 0 where the source has no files.
    public var byteCount: Int64
    /// The file's modification time; a file that is written anew under its name is a new frame.
    public var modifiedNanoseconds: Int64
    /// Whether somebody waits to hear what becomes of the frame, and may ask again: the answer is remembered for a while.
    public var awaitsAnswer: Bool

    public init(
        source: String, name: Substring, byteCount: Int64 = 0, modifiedNanoseconds: Int64 = 0,
        awaitsAnswer: Bool = false
    ) {
        self.source = source
        self.name = name
        self.byteCount = byteCount
        self.modifiedNanoseconds = modifiedNanoseconds
        self.awaitsAnswer = awaitsAnswer
    }
}

/// Finds the origins that are recorded, by this run or an earlier one, under some names of a source.
///
/// A question takes longer than a name in it, so ask for many names at once. What a source itself has given since is
/// not in the answer: it may be on its way to the disk.
public typealias RecordedOrigins = @Sendable (_ source: String, _ names: [Substring]) throws -> Set<FrameOrigin>

/// One frame on its way through the loop: what was captured, and where it came from.
///
/// The loop owns a few of these and hands them round, so that a steady stream allocates nothing.
public struct FrameBuffer: ~Copyable, Sendable {
    public var origin = FrameOrigin(source: "", name: "")
    /// The source's number, from 0, where several take turns: what was seen just before is looked for among its own.
    public var sourceNumber = 0
    /// The wall clock at capture, if the source knows it.
    public var capturedAt: Timestamp?
    /// Which of the two below holds the frame.
    public var content = Content.encoded
    /// The bytes as captured; unchecked until a decoder has read them.
    public var encoded: [UInt8] = []
    /// Upright pixels, of a source whose frames are no pictures of their own.
    public var pixels = PixelBuffer()
    /// So many frames came before this one while nobody was ready for them, and are gone.
    public var lateCount = 0
    /// What a model elsewhere said of the frame: none has to be asked here.
    public var given: GivenPrediction?

    /// In what form a source gives a frame.
    public enum Content: Hashable, Sendable {
        case encoded
        /// A frame that is kept is encoded so.
        case pixels(keptAs: PictureEncoding)
    }

    public init() {}
}

/// What a source has to give.
public enum SourceEvent: Sendable {
    /// The buffer holds the next frame.
    case frame
    /// The next frame could not be read, and the buffer holds only its origin. It is counted; the source goes on.
    case unreadable(GleanerError)
    /// There are none for now, and the source tries again by itself. It says so once, until it has a frame again. The
    /// buffer's origin names the source.
    case interrupted(GleanerError)
    /// There are no more frames, or the source was told to stop.
    case end
}

/// Frames in the order they were captured.
///
/// A source blocks its caller, so it lives on a thread of its own.
///
/// ### Promises of an implementation
/// - Every frame is given exactly once, or counted as late by a source that cannot wait; one whose origin was recorded
///   in an earlier run is not given again.
/// - ``next(into:)`` returns `.end` within half a second after its ``StopSignal`` was raised.
/// - It throws only when it fails for good.
public protocol FrameSource: Sendable {
    mutating func next(into buffer: inout FrameBuffer) throws -> SourceEvent
    /// The number of frames known to be still to come, for progress; `nil` where nobody can know.
    var remainingCount: Int? { get }
    /// Whether it cannot wait: then it is asked only when a frame can be looked at soon, and gives its newest.
    var isLive: Bool { get }
    /// Told what became of a frame whose origin awaits an answer, when that is durable; on another thread than
    /// ``next(into:)``.
    func settled(_ origin: FrameOrigin, _ answer: FrameAnswer)
    /// Told that the run is over: frames that are not settled by now are not recorded, and may be given again.
    func close() async
}

extension FrameSource {
    public var isLive: Bool { false }
    public func settled(_ origin: FrameOrigin, _ answer: FrameAnswer) {}
    public func close() async {}
}
