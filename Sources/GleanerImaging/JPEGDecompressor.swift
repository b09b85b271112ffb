#if JPEG
    import CTurboJPEG
    import GleanerCore

    /// TurboJPEG's decompressor, with the settings that libjpeg, OpenCV and Pillow have by default, so that pixels
    /// equal those that models were trained on, or their halves.
    ///
    /// `@unchecked Sendable`: the handle has one owner, ``PictureDecoder``, which is not copyable.
    final class JPEGDecompressor: @unchecked Sendable {
        private let handle: tjhandle
        /// Pixels that wait to be turned upright.
        private var stored = PixelBuffer()

        init() throws {
            guard let handle = tjInitDecompress() else {
                throw GleanerError(.pictureMalformed, "TurboJPEG does not start: no memory")
            }
            self.handle = handle
        }

        deinit { tjDestroy(handle) }

        func decode(
            _ bytes: UnsafeRawBufferPointer, _ header: PictureHeader, halvings: Int, into pixels: inout PixelBuffer
        ) throws {
            let base = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
            var width: Int32 = 0
            var height: Int32 = 0
            var subsampling: Int32 = 0
            var colorspace: Int32 = 0
            try check(
                tjDecompressHeader3(handle, base, UInt(bytes.count), &width, &height, &subsampling, &colorspace), bytes)
            guard Int(width) == header.storedWidth, Int(height) == header.storedHeight else {
                throw GleanerError.malformedPicture("its header gives two sizes")
            }
            let hasInks = colorspace == Int32(TJCS_CMYK.rawValue) || colorspace == Int32(TJCS_YCCK.rawValue)
            if hasInks || header.orientation != .upright { try header.requireRoomForTwo() }
            let size = Size(header, halvings: halvings)
            guard header.orientation != .upright else { return try read(bytes, size, hasInks, into: &pixels) }
            try read(bytes, size, hasInks, into: &stored)
            header.orientation.turn(stored, into: &pixels)
        }

        /// A picture's, as it is stored and after halving, which TurboJPEG does on the way from frequencies to pixels: it
        /// rounds up.
        private struct Size {
            let width: Int
            let height: Int

            init(_ header: PictureHeader, halvings: Int) {
                width = (header.storedWidth + (1 << halvings) - 1) >> halvings
                height = (header.storedHeight + (1 << halvings) - 1) >> halvings
            }
        }

        /// The pixels as they are stored.
        private func read(
            _ bytes: UnsafeRawBufferPointer, _ size: Size, _ hasInks: Bool, into pixels: inout PixelBuffer
        ) throws {
            let (width, height) = (size.width, size.height)
            pixels.resize(width: width, height: height)
            guard hasInks else {
                return try check(
                    pixels.withMutableBytes { decompress(bytes, $0.baseAddress, width, height, TJPF_RGB) }, bytes)
            }
            var inks = [UInt8](repeating: 0, count: width * height * 4)
            try check(
                inks.withUnsafeMutableBufferPointer { decompress(bytes, $0.baseAddress, width, height, TJPF_CMYK) },
                bytes)
            pixels.withMutableBytes { target in
                for pixel in 0..<width * height {
                    let black = inks[pixel * 4 + 3]
                    for channel in 0..<3 {
                        target[pixel * 3 + channel] = Self.mixed(inks[pixel * 4 + channel], black)
                    }
                }
            }
        }

        /// What is left of the light behind two inks, `light × black / 255`, rounded as Pillow's integers round.
        ///
        /// Files hold how much light an ink lets through, as Adobe writes them; Pillow and OpenCV take that for all.
        private static func mixed(_ light: UInt8, _ black: UInt8) -> UInt8 {
            let product = Int(255 - light) * Int(black) + 128
            return UInt8(clamping: Int(black) - ((product >> 8) + product) >> 8)
        }

        private func decompress(
            _ bytes: UnsafeRawBufferPointer, _ target: UnsafeMutablePointer<UInt8>?, _ width: Int, _ height: Int,
            _ format: TJPF
        ) -> Int32 {
            tjDecompress2(
                handle, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, UInt(bytes.count), target, Int32(width),
                0,
                Int32(height), Int32(format.rawValue), TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS)
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
