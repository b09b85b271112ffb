public import GleanerCore

/// Decodes PNG and JPEG to 8-bit RGB: grey, palette, 16-bit and four-ink pictures too.
///
/// It gives what OpenCV and Pillow give when they are asked for colour, so that a model sees what it was trained on:
/// transparency is left out, not mixed with a background, and of 16 bits the upper eight count. Pictures are turned
/// upright by their EXIF orientation, as OpenCV and every labeling tool do.
///
/// Damage is an error, never a frame: decoders would otherwise fill what is missing with grey, and a model would
/// predict on it.
///
/// It keeps what it can from picture to picture. Not copyable, so one thread at a time uses it.
public struct PictureDecoder: ~Copyable, Sendable {
    #if JPEG
        private var jpeg: JPEGDecompressor?
    #endif

    public init() {}

    /// Decodes one picture; `pixels` takes its size. After an error the content of `pixels` is undefined.
    ///
    /// - Parameter spec: the input that the pixels are for: a JPEG that is much larger is decoded only as far as that
    ///   needs, where its filter allows. `nil` for all pixels.
    /// - Throws: ``GleanerError`` with one of the `picture.…` codes.
    @discardableResult
    public mutating func decode(
        _ bytes: UnsafeRawBufferPointer, into pixels: inout PixelBuffer, for spec: InputSpec? = nil
    ) throws -> PictureHeader {
        let header = try PictureHeader.read(bytes)
        switch header.encoding {
        case .png: try PNGReader.decode(bytes, header, into: &pixels)
        case .jpeg:
            try decodeJPEG(bytes, header, halvings: spec.map { header.halvings(for: $0) } ?? 0, into: &pixels)
            pixels.show(frameWidth: header.width, frameHeight: header.height)
        }
        return header
    }

    #if JPEG
        private mutating func decodeJPEG(
            _ bytes: UnsafeRawBufferPointer, _ header: PictureHeader, halvings: Int, into pixels: inout PixelBuffer
        ) throws {
            let decompressor = try jpeg ?? JPEGDecompressor()
            // After an error TurboJPEG may go on in the middle of the broken header: it is kept only if all went well.
            jpeg = nil
            try decompressor.decode(bytes, header, halvings: halvings, into: &pixels)
            jpeg = decompressor
        }
    #else
        private func decodeJPEG(
            _ bytes: UnsafeRawBufferPointer, _ header: PictureHeader, halvings: Int, into pixels: inout PixelBuffer
        ) throws {
            throw GleanerError(
                .pictureNoJPEG, "the picture is a JPEG, and this build of Gleaner reads only PNG",
                remedy: "install libturbojpeg0-dev and build with `swift build --traits JPEG`")
        }
    #endif
}

extension PictureHeader {
    /// How often the picture may be halved for a model's input.
    func halvings(for spec: InputSpec) -> Int {
        FrameFit(frameWidth: width, frameHeight: height, spec: spec)
            .halvings(frameWidth: width, frameHeight: height, filter: spec.filter)
    }
}

extension PixelBuffer {
    /// Whether a frame's pixels are as many as an input needs; they may have been decoded for another one.
    public func suffices(for spec: InputSpec) -> Bool {
        let fit = FrameFit(frameWidth: frameWidth, frameHeight: frameHeight, spec: spec)
        let halvings = fit.halvings(frameWidth: frameWidth, frameHeight: frameHeight, filter: spec.filter)
        return width << halvings >= frameWidth && height << halvings >= frameHeight
    }
}
