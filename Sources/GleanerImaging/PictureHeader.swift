public import GleanerCore

/// What the first bytes of a PNG or JPEG say of the picture.
///
/// Read before any pixel, so that a header of a few bytes cannot make the decoder take gigabytes.
public struct PictureHeader: Hashable, Sendable {
    public var encoding: PictureEncoding
    /// Of the picture as it stands upright.
    public var width: Int
    public var height: Int
    /// How the stored picture must be turned.
    public var orientation = Orientation.upright

    public init(encoding: PictureEncoding, width: Int, height: Int) {
        self.encoding = encoding
        self.width = width
        self.height = height
    }

    /// Of the picture as it is stored.
    var storedWidth: Int { orientation.swapsSides ? height : width }
    var storedHeight: Int { orientation.swapsSides ? width : height }

    /// Larger pictures are refused: 67,108,864 pixels, so that the frames of a 64-megapixel sensor still fit
    /// (9,248 × 6,944) and a decoded frame stays below 192 MiB.
    public static let pixelCountMax = 64 << 20

    /// Pictures that are decoded by way of another copy may have half as many.
    ///
    /// - Throws: ``GleanerError`` with code `picture.too_large`.
    func requireRoomForTwo() throws {
        guard width * height > Self.pixelCountMax / 2 else { return }
        throw Self.tooLarge(width, height, Self.pixelCountMax / 2)
    }

    private static func tooLarge(_ width: Int, _ height: Int, _ pixelCountMax: Int) -> GleanerError {
        GleanerError(
            .pictureTooLarge,
            "the picture has \(width) × \(height) pixels, more than the \(pixelCountMax) allowed of its kind",
            remedy: "set the camera to a smaller size")
    }

    /// Reads the header alone; what follows it may be missing or broken.
    ///
    /// - Throws: ``GleanerError`` with code `picture.unknown`, `picture.truncated`, `picture.malformed` or
    ///   `picture.too_large`.
    public static func read(_ bytes: UnsafeRawBufferPointer) throws -> PictureHeader {
        var reader = ByteReader(bytes)
        let header =
            switch try encoding(of: bytes) {
            case .png: try readPNG(&reader)
            case .jpeg: try readJPEG(&reader)
            }
        guard header.width > 0, header.height > 0 else {
            throw GleanerError.malformedPicture("its header says \(header.width) × \(header.height) pixels")
        }
        let (pixelCount, overflows) = header.width.multipliedReportingOverflow(by: header.height)
        guard !overflows, pixelCount <= pixelCountMax else {
            throw tooLarge(header.width, header.height, pixelCountMax)
        }
        return header
    }

    private static let pngSignature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
    private static let jpegSignature: [UInt8] = [0xff, 0xd8]

    private static func encoding(of bytes: UnsafeRawBufferPointer) throws -> PictureEncoding {
        if bytes.starts(with: pngSignature) { return .png }
        if bytes.starts(with: jpegSignature) { return .jpeg }
        if !bytes.isEmpty, pngSignature.starts(with: bytes) || jpegSignature.starts(with: bytes) {
            throw GleanerError.truncatedPicture("it ends in its first \(bytes.count) bytes")
        }
        throw GleanerError(
            .pictureUnknown, bytes.isEmpty ? "the picture is empty" : "the picture is neither PNG nor JPEG",
            remedy: "give frames as PNG or JPEG")
    }

    /// The chunk `IHDR` must come first: PNG specification, section 5.6.
    private static func readPNG(_ reader: inout ByteReader) throws -> PictureHeader {
        try reader.skip(pngSignature.count)
        guard try reader.uint32() == 13, try reader.uint32() == 0x4948_4452 else {
            throw GleanerError.malformedPicture("its first chunk is not IHDR")
        }
        return PictureHeader(encoding: .png, width: Int(try reader.uint32()), height: Int(try reader.uint32()))
    }

    /// Walks the marker segments up to the frame header: ITU-T T.81, annex B.
    private static func readJPEG(_ reader: inout ByteReader) throws -> PictureHeader {
        try reader.skip(jpegSignature.count)
        var header = PictureHeader(encoding: .jpeg, width: 0, height: 0)
        while true {
            let marker = try nextMarker(&reader)
            switch marker {
            case 0x01, 0xd0...0xd8: continue  // stand alone: TEM, RSTn, SOI
            case 0xd9, 0xda:
                throw GleanerError.malformedPicture("its pixels begin before its size is given")
            case 0xc0...0xcf where marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
                try reader.skip(3)  // length of the segment, bits of a sample
                (header.height, header.width) = (Int(try reader.uint16()), Int(try reader.uint16()))
                if header.orientation.swapsSides { swap(&header.width, &header.height) }
                return header
            default:
                let length = Int(try reader.uint16())
                guard length >= 2 else { throw GleanerError.malformedPicture("a segment has no length") }
                let segment = try reader.bytes(length - 2)
                if marker == 0xe1, header.orientation == .upright { header.orientation = .exif(segment) }
            }
        }
    }

    /// Decoders skip stray bytes before a marker, so this does too.
    private static func nextMarker(_ reader: inout ByteReader) throws -> UInt8 {
        while try reader.uint8() != 0xff {}
        while true {
            let byte = try reader.uint8()
            if byte != 0xff { return byte }
        }
    }
}

/// Reads big-endian numbers and never past the end.
private struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func skip(_ count: Int) throws {
        guard count <= bytes.count - position else { throw GleanerError.truncatedPicture("it ends in its header") }
        position += count
    }

    mutating func bytes(_ count: Int) throws -> UnsafeRawBufferPointer {
        try skip(count)
        return UnsafeRawBufferPointer(rebasing: bytes[position - count..<position])
    }

    mutating func uint8() throws -> UInt8 {
        try skip(1)
        return bytes[position - 1]
    }

    mutating func uint16() throws -> UInt16 {
        try skip(2)
        return UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: position - 2, as: UInt16.self))
    }

    mutating func uint32() throws -> UInt32 {
        try skip(4)
        return UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position - 4, as: UInt32.self))
    }
}
