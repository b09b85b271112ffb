#if Video
    import CFFmpeg
    import GleanerCore

    /// The resize alone by FFmpeg's swscale, bilinear: without the colours' order, the normalisation and the tensor.
    final class SwscaleResize {
        private let functions: gleaner_av
        private let context: OpaquePointer
        private let frame: PixelBuffer
        private let channelCount: Int
        private let width: Int
        private let height: Int
        private var resized: [UInt8]

        /// `nil` without FFmpeg.
        init?(_ frame: PixelBuffer, _ spec: InputSpec) {
            let table = UnsafeMutablePointer<gleaner_av>.allocate(capacity: 1)
            defer { table.deallocate() }
            var reason = [CChar](repeating: 0, count: 512)
            guard gleaner_av_load(table, &reason, reason.count) != 0 else { return nil }
            functions = table.pointee
            let ratios = (Double(spec.width) / Double(frame.width), Double(spec.height) / Double(frame.height))
            let ratio = spec.fit == .letterbox ? min(ratios.0, ratios.1) : max(ratios.0, ratios.1)
            width = spec.fit == .stretch ? spec.width : Int((Double(frame.width) * ratio).rounded())
            height = spec.fit == .stretch ? spec.height : Int((Double(frame.height) * ratio).rounded())
            channelCount = spec.channelCount
            let made = functions.sws_getContext(
                Int32(frame.width), Int32(frame.height), AV_PIX_FMT_RGB24, Int32(width), Int32(height),
                channelCount == 1 ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24, SWS_BILINEAR, nil, nil, nil)
            guard let made else { return nil }
            context = made
            self.frame = frame
            // swscale writes whole vectors.
            resized = [UInt8](repeating: 0, count: (width + 64) * height * channelCount)
        }

        deinit { functions.sws_freeContext(context) }

        func run() -> Float {
            frame.withBytes { source in
                resized.withUnsafeMutableBufferPointer { target in
                    // One plane of the four that there can be.
                    _ = functions.sws_scale(
                        context, [source.baseAddress, nil, nil, nil], [Int32(3 * frame.width), 0, 0, 0], 0,
                        Int32(frame.height), [target.baseAddress, nil, nil, nil],
                        [Int32((width + 64) * channelCount), 0, 0, 0])
                }
            }
            return Float(resized[0])
        }
    }
#endif
