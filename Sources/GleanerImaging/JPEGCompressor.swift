#if JPEG
    import CTurboJPEG
    import GleanerCore

    /// TurboJPEG's compressor.
    ///
    /// `@unchecked Sendable`: the handle has one owner, ``PictureEncoder``, which is not copyable.
    final class JPEGCompressor: @unchecked Sendable {
        private static let quality: Int32 = 95
        private static let subsampling = Int32(TJSAMP_444.rawValue)

        private let handle: tjhandle
        /// Room for the largest JPEG that a picture of this size can become, used again for each.
        private var room: [UInt8] = []

        init() throws {
            guard let handle = tjInitCompress() else {
                throw GleanerError(.pictureNotEncoded, "TurboJPEG does not start: no memory")
            }
            self.handle = handle
        }

        deinit { tjDestroy(handle) }

        func encode(_ pixels: PixelBuffer) throws -> [UInt8] {
            guard pixels.width > 0, pixels.height > 0, max(pixels.width, pixels.height) < 1 << 16 else {
                throw GleanerError(
                    .pictureNotEncoded, "a picture of \(pixels.width) × \(pixels.height) pixels cannot be a JPEG")
            }
            let (width, height) = (Int32(pixels.width), Int32(pixels.height))
            let byteCountMax = Int(tjBufSize(width, height, Self.subsampling))
            if room.count < byteCountMax { room = [UInt8](repeating: 0, count: byteCountMax) }
            var byteCount = UInt(room.count)
            let status = room.withUnsafeMutableBufferPointer { room in
                var target = room.baseAddress
                return pixels.withBytes {
                    tjCompress2(
                        handle, $0.baseAddress, width, 3 * width, height, Int32(TJPF_RGB.rawValue), &target, &byteCount,
                        Self.subsampling, Self.quality, Int32(TJFLAG_NOREALLOC))
                }
            }
            guard status == 0 else {
                throw GleanerError(
                    .pictureNotEncoded, "cannot encode a JPEG: \(String(cString: tjGetErrorStr2(handle)))")
            }
            return Array(room[..<Int(byteCount)])
        }
    }
#endif
