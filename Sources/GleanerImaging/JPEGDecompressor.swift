#if JPEG
    import CTurboJPEG
    import GleanerCore

    /// TurboJPEG's decompressor, with the settings that libjpeg, OpenCV and Pillow have by default, so that pixels
    /// equal those that models were trained on.
    ///
    /// `@unchecked Sendable`: the handle has one owner, ``PictureDecoder``, which is not copyable.
    final class JPEGDecompressor: @unchecked Sendable {
        private let handle: tjhandle

        init() throws {
            guard let handle = tjInitDecompress() else {
                throw GleanerError(.pictureMalformed, "TurboJPEG does not start: no memory")
            }
            self.handle = handle
        }

        deinit { tjDestroy(handle) }

        func decode(
            _ bytes: UnsafeRawBufferPointer, _ header: PictureHeader, into pixels: inout PixelBuffer
        ) throws {
            let base = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
            var width: Int32 = 0
            var height: Int32 = 0
            var subsampling: Int32 = 0
            var colorspace: Int32 = 0
            try check(
                tjDecompressHeader3(handle, base, UInt(bytes.count), &width, &height, &subsampling, &colorspace), bytes)
            guard Int(width) == header.width, Int(height) == header.height else {
                throw GleanerError.malformedPicture("its header gives two sizes")
            }
            pixels.resize(width: header.width, height: header.height)
            try check(
                pixels.withMutableBytes {
                    tjDecompress2(
                        handle, base, UInt(bytes.count), $0.baseAddress, width, 0, height, Int32(TJPF_RGB.rawValue),
                        TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS)
                }, bytes)
        }

        /// Warnings count as failures: after one, part of the picture is made up.
        private func check(_ status: Int32, _ bytes: UnsafeRawBufferPointer) throws {
            guard status != 0 else { return }
            let text = String(cString: tjGetErrorStr2(handle))
            throw Self.hasEnd(bytes) ? GleanerError.malformedPicture(text) : .truncatedPicture(text)
        }

        /// Some cameras pad the end marker with zeros.
        private static func hasEnd(_ bytes: UnsafeRawBufferPointer) -> Bool {
            guard let last = bytes.lastIndex(where: { $0 != 0 }), last > 0 else { return false }
            return bytes[last - 1] == 0xff && bytes[last] == 0xd9
        }
    }
#endif
