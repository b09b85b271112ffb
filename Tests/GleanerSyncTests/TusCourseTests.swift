#if Network
    import Foundation
    import GleanerCore
    import GleanerTesting
    import Testing

    @testable import GleanerSync

    @Suite struct TusCourseTests {
        private let batch = BatchID(Digest(of: Data("batch".utf8)))
        private let place = "https://host/in/7"

        private func course(_ location: String? = nil, requiresReceipt: Bool = true) throws -> TusCourse {
            let address = try TusAddress("https://host/in")
            return TusCourse(
                TusCourse.Goal(
                    address: address, batch: batch, byteCount: 100, chunkByteCountMax: 40,
                    requiresReceipt: requiresReceipt
                ),
                location: location)
        }
        private func answer(_ status: Int, _ offset: Int? = nil, _ more: [String: String] = [:]) -> HTTPAnswer {
            var headers = more
            if let offset { headers["upload-offset"] = "\(offset)" }
            return HTTPAnswer(status: status, headers: headers, body: [])
        }

        @Test func anUploadIsBegunSentInChunksAndEndsWithItsReceipt() throws {
            var course = try course()
            #expect(course.step == .create)
            try course.take(answer(201, nil, ["location": "/in/7"]))
            #expect(course.step == .send(place, offset: 0))
            try course.take(answer(204, 40))
            // A server may take less of a chunk than it got.
            try course.take(answer(204, 70))
            #expect(course.step == .send(place, offset: 70))
            try course.take(answer(204, 100, ["gleaner-receipt": "\(batch)"]))
            #expect(course.step == .done)
        }

        @Test func oneThatWasCutOffGoesOnWhereTheServerIs() throws {
            var course = try course(place)
            #expect(course.step == .ask(place))
            try course.take(answer(200, 40, ["upload-length": "100"]))
            #expect(course.step == .send(place, offset: 40))
            try course.take(answer(409))
            #expect(course.step == .ask(place))
            try course.take(answer(200, 80))
            try course.take(answer(460))
            #expect(course.step == .send(place, offset: 80))
        }

        @Test(arguments: [404, 410]) func oneThatIsGoneIsBegunAnew(_ status: Int) throws {
            var asked = try course(place)
            try asked.take(answer(status))
            #expect(asked.step == .create)
            try asked.take(answer(201, nil, ["location": place]))
            try asked.take(answer(status))
            #expect(asked.step == .create)
            var other = try course(place)
            try other.take(answer(200, 40, ["upload-length": "99"]))
            #expect(other.step == .create)
        }

        @Test func whatIsThereAlreadyIsNotSent() throws {
            for (location, status) in [(nil, 200), (nil, 201), (place, 200)] {
                var course = try course(location)
                try course.take(answer(status, 100, ["gleaner-receipt": "\(batch)"]))
                #expect(course.step == .done)
            }
            var trusting = try course(place, requiresReceipt: false)
            try trusting.take(answer(204, 100))
            #expect(trusting.step == .done)
        }

        @Test func answersThatMakeNoSenseEndTheDelivery() async throws {
            func outcome(_ location: String?, _ answers: HTTPAnswer...) async -> String {
                await failure {
                    var course = try course(location, requiresReceipt: false)
                    for answer in answers { try course.take(answer) }
                    return course.step
                }
            }
            let begun = answer(201, nil, ["location": place])
            let table = [
                (await outcome(nil, answer(201)), "destination.refused"),
                (await outcome(nil, answer(201, nil, ["location": "https://other/in/7"])), "destination.refused"),
                (await outcome(nil, answer(201, nil, ["location": "//other/7"])), "destination.refused"),
                (await outcome(nil, answer(201, nil, ["location": "http://host/in/7"])), "destination.refused"),
                (await outcome(nil, answer(201, nil, ["location": "https://host:1/7"])), "destination.refused"),
                (await outcome(nil, answer(301, nil, ["location": place])), "destination.refused"),
                (await outcome(nil, answer(401)), "destination.refused"),
                (await outcome(nil, answer(413)), "destination.rejected"),
                (await outcome(place, answer(200)), "destination.rejected"),
                (await outcome(place, answer(200, 101)), "destination.rejected"),
                (await outcome(place, answer(412)), "destination.rejected"),
                (await outcome(nil, begun, answer(204)), "destination.rejected"),
                (await outcome(nil, begun, answer(204, 0)), "destination.rejected"),
                (await outcome(nil, begun, answer(204, 41)), "destination.rejected"),
                (await outcome(nil, begun, answer(500)), "destination.offline"),
                (await outcome(nil, begun, answer(429)), "destination.throttled"),
                (await outcome(place, answer(423)), "destination.offline"),
                (
                    await outcome(place, answer(200, 100, ["gleaner-receipt": "\(Digest(of: Data()))"])),
                    "destination.rejected"
                ),
                (await outcome(nil, begun, answer(460), answer(460), answer(460), answer(460)), "no failure"),
                (
                    await outcome(nil, begun, answer(460), answer(460), answer(460), answer(460), answer(460)),
                    "destination.offline"
                ),
            ]
            for (index, (found, expected)) in table.enumerated() {
                #expect(found.hasPrefix(expected), "line \(index): \(found)")
            }
        }

        @Test func aSlowLinkGetsSmallChunksAndAQuickOneLarge() throws {
            let goal = TusCourse.Goal(
                address: try TusAddress("https://host/in"), batch: batch, byteCount: 1 << 20,
                chunkByteCountMax: 256 << 10, requiresReceipt: true)
            var course = TusCourse(goal, location: nil)
            var sizes = [course.chunkByteCount >> 10]
            for seconds in [0.1, 1.9, 0.1, 5, 11, 30, 60, 60, 1] {
                course.sentChunk(inSeconds: seconds)
                sizes.append(course.chunkByteCount >> 10)
            }
            #expect(sizes == [64, 128, 256, 256, 256, 128, 64, 32, 32, 64])
        }

        @Test func anUploadLiesAtTheSameServerHoweverThatIsWritten() throws {
            let address = try TusAddress("https://host/in/")
            for location in ["https://host/in/7", "/in/7", "7", "//host/in/7", "HTTPS://HOST:443/in/7"] {
                #expect(try address.upload(at: location).lowercased().hasSuffix("/in/7"), "\(location)")
            }
        }
    }

    @Suite struct BatchArchiveTests {
        private func batch() throws -> TestBatch {
            let long = "frames/" + String(repeating: "ä", count: 120) + ".png"
            return try TestBatch([
                "samples.jsonl": [UInt8](repeating: 1, count: 512), "empty": [], long: Array("long".utf8),
                "frames/a.png": (0..<2000).map { UInt8(truncatingIfNeeded: $0) },
            ])
        }

        @Test func readInPiecesOrFromAnywhereItIsTheSameBytes() throws {
            let archive = BatchArchive(try batch())
            var reader = try BatchArchiveReader(archive, at: 0)
            let whole = try reader.read(1 << 20)
            #expect(whole.count == archive.byteCount && whole.count % TarBlocks.byteCount == 0)
            for offset in stride(from: 0, to: whole.count, by: 37) {
                var reader = try BatchArchiveReader(archive, at: offset)
                let piece = try reader.read(301)
                #expect(piece == Array(whole[offset...].prefix(301)), "at \(offset)")
            }
            #expect(archive.fileByteCount(before: 0) == 0)
            #expect(archive.fileByteCount(before: archive.byteCount) == archive.batch.byteCount)
        }

        @Test func damageIsFoundBeforeTheLastByteOfAFileIsHandedOutWhereverReadingBegins() async throws {
            let batch = try batch()
            let archive = BatchArchive(batch)
            let entry = try #require(archive.entries.first { $0.file.path == "frames/a.png" })
            batch.damage("frames/a.png")
            for offset in [0, entry.contentBegin, entry.contentBegin + 1, entry.contentEnd - 1] {
                var reader = try BatchArchiveReader(archive, at: offset)
                #expect(await failure { try reader.read(entry.contentEnd - offset) }.hasPrefix("batch.damaged"))
            }
            var after = try BatchArchiveReader(archive, at: entry.contentEnd)
            #expect(try after.read(10).count == 10)
        }

        @Test func tarReadsIt() throws {
            let folder = try TemporaryFolder()
            let batch = try batch()
            var reader = try BatchArchiveReader(BatchArchive(batch), at: 0)
            try Data(try reader.read(1 << 20)).write(to: URL(filePath: "\(folder.path)/batch.tar"))
            let tar = Process()
            tar.executableURL = URL(filePath: "/usr/bin/env")
            tar.arguments = ["tar", "-xf", "\(folder.path)/batch.tar", "-C", folder.path]
            try tar.run()
            tar.waitUntilExit()
            #expect(tar.terminationStatus == 0)
            try BatchVerifier.verify("\(folder.path)/batch-\(batch.id.short)")
        }
    }
#endif
