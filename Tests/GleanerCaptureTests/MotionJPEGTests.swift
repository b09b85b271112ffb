#if Video
    import Testing

    @testable import GleanerCapture

    struct MotionJPEGTests {
        private static let head: [UInt8] = [0xff, 0xd8, 0xff, 0xe0, 0x00, 0x04, 0x01, 0x02]
        private static let tables: [UInt8] = [0xff, 0xc4, 0x00, 0x03, 0x05]
        private static let scan: [UInt8] = [0xff, 0xda, 0x00, 0x02, 0x11, 0x22]
        private static let end: [UInt8] = [0xff, 0xd9]

        private func kept(_ captured: [UInt8]) -> [UInt8] {
            var picture: [UInt8] = [9]
            captured.withUnsafeBytes { MotionJPEG.copy($0, to: &picture) }
            return picture
        }

        @Test(arguments: [end, end + [0, 0, 0]])
        func aWholePictureIsKeptToTheByte(_ end: [UInt8]) {
            let picture = Self.head + Self.tables + Self.scan + end
            #expect(kept(picture) == picture)
        }

        @Test(arguments: [[], [0xff, 0xff]] as [[UInt8]])
        func tablesThatACameraLeavesOutStandBeforeTheScan(_ filling: [UInt8]) throws {
            let picture = kept(Self.head + filling + Self.scan + Self.end)
            #expect(picture.starts(with: Self.head + filling))
            #expect(picture.suffix(8) == Self.scan + Self.end)
            let tables = picture.dropFirst(Self.head.count + filling.count).dropLast(8)
            // Two classes of two tables each: 16 counts, and as many values as they say.
            #expect(tables.count == 420 && Array(tables.prefix(4)) == [0xff, 0xc4, 0x01, 0xa2])
            var rest = tables.dropFirst(4)
            for id: UInt8 in [0x00, 0x10, 0x01, 0x11] {
                #expect(rest.first == id)
                let counts = rest.dropFirst().prefix(16)
                rest = rest.dropFirst(17 + counts.reduce(0) { $0 + Int($1) })
            }
            #expect(rest.isEmpty)
        }

        @Test func anEndThatACameraLeavesOutIsPutThere() {
            let picture = Self.head + Self.tables + Self.scan
            #expect(kept(picture) == picture + Self.end)
        }

        @Test(
            arguments: [[], [0xff], [0xff, 0xd8], Array("no picture".utf8), head, head.dropLast(), head + tables]
                as [[UInt8]])
        func whatIsNoPictureStaysWhatItIs(_ bytes: [UInt8]) {
            #expect(kept(bytes) == bytes)
        }
    }
#endif
