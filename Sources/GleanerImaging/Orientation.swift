import GleanerCore

/// How a stored picture must be turned to stand upright: the EXIF tag 0x0112, by its numbers.
///
/// Browsers, labeling tools and OpenCV turn pictures so; boxes that people draw are in the upright picture.
public enum Orientation: Int, Sendable {
    case upright = 1, mirrored, halfTurn, mirroredHalfTurn, transposed, quarterTurn, transverse, threeQuarterTurn

    /// Whether width and height change places.
    var swapsSides: Bool { rawValue >= 5 }

    /// Fills a picture with the pixels of a stored one, turned.
    func turn(_ stored: PixelBuffer, into upright: inout PixelBuffer) {
        let (storedWidth, storedHeight) = (stored.width, stored.height)
        let (width, height) = swapsSides ? (storedHeight, storedWidth) : (storedWidth, storedHeight)
        upright.resize(width: width, height: height)
        stored.withBytes { source in
            upright.withMutableBytes { target in
                for y in 0..<height {
                    for x in 0..<width {
                        let (sourceX, sourceY) = place(x, y, storedWidth, storedHeight)
                        let from = (sourceY * storedWidth + sourceX) * 3
                        let to = (y * width + x) * 3
                        for channel in 0..<3 { target[to + channel] = source[from + channel] }
                    }
                }
            }
        }
    }

    /// Where a pixel of the upright picture is stored.
    private func place(_ x: Int, _ y: Int, _ storedWidth: Int, _ storedHeight: Int) -> (x: Int, y: Int) {
        switch self {
        case .upright: (x, y)
        case .mirrored: (storedWidth - 1 - x, y)
        case .halfTurn: (storedWidth - 1 - x, storedHeight - 1 - y)
        case .mirroredHalfTurn: (x, storedHeight - 1 - y)
        case .transposed: (y, x)
        case .quarterTurn: (y, storedHeight - 1 - x)
        case .transverse: (storedWidth - 1 - y, storedHeight - 1 - x)
        case .threeQuarterTurn: (storedWidth - 1 - y, x)
        }
    }

    /// Reads the tag out of a JPEG's APP1 segment; what is broken or absent is upright, as everywhere else.
    ///
    /// Source: CIPA DC-008 (Exif 2.32), sections 4.5 and 4.6.
    static func exif(_ segment: UnsafeRawBufferPointer) -> Orientation {
        guard segment.starts(with: "Exif\0\0".utf8) else { return .upright }
        let tiff = UnsafeRawBufferPointer(rebasing: segment[6...])
        let isLittle = tiff.starts(with: "II".utf8)
        guard isLittle || tiff.starts(with: "MM".utf8) else { return .upright }
        func number(_ offset: Int, _ byteCount: Int) -> Int? {
            guard offset >= 0, offset <= tiff.count - byteCount else { return nil }
            let bytes = tiff[offset..<offset + byteCount]
            return isLittle
                ? bytes.reversed().reduce(0) { $0 << 8 | Int($1) } : bytes.reduce(0) { $0 << 8 | Int($1) }
        }
        guard let directory = number(4, 4), let count = number(directory, 2) else { return .upright }
        for entry in 0..<count {
            let start = directory + 2 + entry * 12
            guard let tag = number(start, 2) else { return .upright }
            if tag == 0x0112 { return number(start + 8, 2).flatMap(Orientation.init) ?? .upright }
        }
        return .upright
    }
}
