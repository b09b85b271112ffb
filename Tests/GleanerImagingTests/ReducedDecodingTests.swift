#if JPEG
    import GleanerCore
    import Testing

    @testable import GleanerImaging

    /// Pictures that are decoded only as far as a model needs them.
    @Suite struct ReducedDecodingTests {
        /// Something with edges and with slopes, as a camera sees.
        private static func scene(_ width: Int, _ height: Int) -> PixelBuffer {
            PixelBuffer(width: width, height: height) { x, y, channel in
                let slope = (x * 160 / width + y * 80 / height + channel * 10)
                let isInside =
                    (x - width / 2) * (x - width / 2) + (y - height / 3) * (y - height / 3) < height * height / 20
                return isInside ? 250 - slope / 2 : slope
            }
        }

        private static func jpeg(_ width: Int, _ height: Int) throws -> [UInt8] {
            var encoder = PictureEncoder()
            return try encoder.encode(scene(width, height), as: .jpeg)
        }

        private static func input(
            _ width: Int, _ height: Int, filter: InputSpec.Filter = .antialiased, fit: InputSpec.Fit = .crop
        ) -> InputSpec {
            InputWriterTests.spec(width, height) {
                ($0.filter, $0.fit, $0.layout, $0.type) = (filter, fit, .nhwc, .uint8)
            }
        }

        private static func decode(_ bytes: [UInt8], for spec: InputSpec?) throws -> PixelBuffer {
            var decoder = PictureDecoder()
            var pixels = PixelBuffer()
            try bytes.withUnsafeBytes { _ = try decoder.decode($0, into: &pixels, for: spec) }
            return pixels
        }

        struct Case: Sendable, CustomTestStringConvertible {
            var frame: (width: Int, height: Int)
            var side: Int
            var filter = InputSpec.Filter.antialiased
            var decoded: (width: Int, height: Int)
            var testDescription: String { "\(frame) for \(side), \(filter)" }
        }

        @Test(arguments: [
            Case(frame: (640, 480), side: 48, decoded: (160, 120)),
            Case(frame: (640, 480), side: 20, decoded: (80, 60)),
            Case(frame: (640, 480), side: 120, decoded: (320, 240)),
            Case(frame: (640, 480), side: 121, decoded: (640, 480)),
            Case(frame: (643, 481), side: 48, decoded: (161, 121)),
            Case(frame: (90, 90), side: 48, decoded: (90, 90)),
            Case(frame: (640, 480), side: 48, filter: .bilinear, decoded: (640, 480)),
            Case(frame: (640, 480), side: 48, filter: .nearest, decoded: (640, 480)),
        ])
        func twiceTheInputIsLeftOfWhatIsHalved(each: Case) throws {
            let spec = Self.input(each.side, each.side, filter: each.filter)
            let pixels = try Self.decode(Self.jpeg(each.frame.width, each.frame.height), for: spec)
            #expect((pixels.width, pixels.height) == each.decoded)
            #expect((pixels.frameWidth, pixels.frameHeight) == each.frame)
            #expect(pixels.suffices(for: spec))
        }

        @Test(arguments: InputSpec.Fit.allCases)
        func aModelSeesTheSameToALevel(fit: InputSpec.Fit) throws {
            let spec = Self.input(48, 48, fit: fit)
            let bytes = try Self.jpeg(643, 481)
            let inputs = try [nil, spec].map { wanted in
                let tensor = TensorBuffer(name: "image", elementType: spec.type, shape: spec.shape)
                var writer = try InputWriter(spec: spec, input: tensor)
                let letterbox = writer.fill(from: try Self.decode(bytes, for: wanted))
                return (levels: Array(tensor.bytes), letterbox: letterbox)
            }
            #expect(inputs[0].letterbox == inputs[1].letterbox)
            let differences = zip(inputs[0].levels, inputs[1].levels).map { abs(Int($0) - Int($1)) }
            #expect(Double(differences.reduce(0, +)) / Double(differences.count) < 1)
            #expect(inputs[0].levels != inputs[1].levels, "nothing was left out")
        }

        @Test func aTurnedPictureIsHalvedAsItStands() throws {
            // After the start marker, an EXIF segment that says: a quarter turn.
            let tag: [UInt8] = [0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]
            let exif = Array("Exif\0\0II*\0".utf8) + [8, 0, 0, 0, 1, 0] + tag + [0, 0, 0, 0]
            var bytes = try Self.jpeg(640, 482)
            bytes.insert(contentsOf: [0xff, 0xe1, 0, UInt8(exif.count + 2)] + exif, at: 2)
            let pixels = try Self.decode(bytes, for: Self.input(48, 48))
            #expect((pixels.width, pixels.height) == (121, 160))
            #expect((pixels.frameWidth, pixels.frameHeight) == (482, 640))
        }

        @Test func whatWasDecodedForASmallInputIsTooLittleForALargeOne() throws {
            let pixels = try Self.decode(Self.jpeg(640, 480), for: Self.input(48, 48))
            #expect(!pixels.suffices(for: Self.input(100, 100)))
            #expect(!pixels.suffices(for: Self.input(48, 48, filter: .bilinear)))
            #expect(pixels.suffices(for: Self.input(40, 40)))
        }

        @Test func halfOfAPictureIsStillAnError() throws {
            let bytes = try Self.jpeg(640, 480)
            let error = #expect(throws: GleanerError.self) {
                try Self.decode(Array(bytes.prefix(bytes.count / 2)), for: Self.input(48, 48))
            }
            #expect(error?.code == .pictureTruncated)
        }
    }
#endif
