#if Network
    import Foundation
    import GleanerCore
    import GleanerTesting
    import Testing

    @testable import GleanerSync

    @Suite struct TusDestinationTests {
        private let folder: TemporaryFolder
        private let batch: TestBatch
        private let notes = TestNotes()
        private static let chunkByteCount = 4096

        init() throws {
            folder = try TemporaryFolder()
            batch = try TestBatch.make()
        }

        private func receiver(_ mood: ReceiverProcess.Mood = .none, _ more: [String] = []) throws -> ReceiverProcess {
            try ReceiverProcess(folder.folder("incoming"), mood: mood, more: more)
        }
        private func destination(
            _ receiver: ReceiverProcess, token: BearerToken? = nil, receipt: TusDestination.ReceiptRule = .digest
        ) throws -> TusDestination {
            TusDestination(
                try TusAddress(receiver.url), token: token, receiptRule: receipt, chunkByteCountMax: Self.chunkByteCount
            )
        }
        private func deliver(
            to receiver: ReceiverProcess, receipt: TusDestination.ReceiptRule = .digest
        ) async throws -> Digest {
            try await destination(receiver, receipt: receipt).deliver(batch, Delivery(notes: notes)).batch
        }
        private func expectWhole(_ receiver: ReceiverProcess, _ place: SourceLocation = #_sourceLocation) throws {
            let found = try receiver.contents(batch.id)
            #expect(found?[BatchManifest.fileName] == Array(batch.manifestData), sourceLocation: place)
            for file in batch.manifest.files {
                #expect(found?[file.path].map { Digest(of: $0) } == file.sha256, sourceLocation: place)
            }
        }

        @Test func itKeepsThePromisesOfADestination() async throws {
            let receiver = try receiver()
            let broken = try await DestinationContract.brokenPromises(
                of: destination(receiver),
                // A chunk, and what lies before it in the same file, which is hashed again.
                byteCountResentMax: Self.chunkByteCount + 3000, contents: receiver.contents)
            #expect(broken == [])
            let left = try FileManager.default.contentsOfDirectory(atPath: "\(receiver.folder)/.uploads")
            #expect(left.filter { !$0.contains(batch.id.short) } == [], "what was begun is finished or taken back")
        }

        @Test func aReceiverThatDiesInTheMiddleAndComesBackGoesOnWhereItWas() async throws {
            let receiver = try receiver(.dies)
            #expect(await failure { try await deliver(to: receiver) }.hasPrefix("destination.offline"))
            receiver.waitUntilExit()
            #expect(await failure { try await deliver(to: receiver) }.hasPrefix("destination.offline"))
            try receiver.start()
            #expect(try receiver.contents(batch.id) == nil)
            #expect(try await deliver(to: receiver) == batch.id.digest)
            try expectWhole(receiver)
            // Three chunks were there: the third was not acknowledged, and is not sent again all the same.
            #expect(receiver.receivedByteCount == BatchArchive(batch).byteCount - 3 * Self.chunkByteCount)
        }

        @Test(arguments: [ReceiverProcess.Mood.diesUnpacked, .diesNamed])
        func aReceiverThatDiesAtTheEndMakesABatchOfWhatItHas(_ mood: ReceiverProcess.Mood) async throws {
            let receiver = try receiver(mood)
            #expect(await failure { try await deliver(to: receiver) }.hasPrefix("destination.offline"))
            receiver.waitUntilExit()
            try receiver.start()
            #expect(try await deliver(to: receiver) == batch.id.digest)
            try expectWhole(receiver)
            #expect(receiver.count("PATCH") == 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(receiver.folder)/.uploads") == [])
        }

        @Test func aBatchThatIsThereIsNotSentAgainByWhoeverForgotIt() async throws {
            let receiver = try receiver()
            _ = try await deliver(to: receiver)
            let before = receiver.receivedByteCount
            let again = try await destination(receiver).deliver(batch, Delivery(notes: TestNotes()))
            #expect(again.batch == batch.id.digest && receiver.receivedByteCount == before)
        }

        @Test(arguments: [ReceiverProcess.Mood.loses, .forgets, .garblesOnce])
        func aServerThatLosesForgetsOrGarblesGetsItAllTheSame(_ mood: ReceiverProcess.Mood) async throws {
            let receiver = try receiver(mood)
            #expect(try await deliver(to: receiver) == batch.id.digest)
            try expectWhole(receiver)
            let status = [.loses: "404", .forgets: "409"][mood] ?? "460"
            #expect(receiver.logText.contains(" \(status), "))
        }

        @Test(arguments: [ReceiverProcess.Mood.losesAlways, .garbles])
        func aServerThatGetsNowhereIsAway(_ mood: ReceiverProcess.Mood) async throws {
            let receiver = try receiver(mood)
            let message = await failure { try await deliver(to: receiver) }
            #expect(message.hasPrefix("destination.offline") && message.contains("gets nowhere"))
            #expect(receiver.count("PATCH") == 5)
        }

        @Test func aReceiptForAnotherBatchIsNone() async throws {
            let receiver = try receiver(.foreignReceipt)
            let message = await failure { try await deliver(to: receiver) }
            #expect(message.hasPrefix("destination.rejected") && message.contains("a receipt for another batch"))
        }

        @Test func withoutAReceiptChecksumsCountOnlyWhereThatWasAskedFor() async throws {
            let receiver = try receiver(.noReceipt)
            let message = await failure { try await deliver(to: receiver) }
            #expect(
                message.hasPrefix("destination.rejected") && message.contains("does not say that the batch is whole"))
            #expect(try await deliver(to: receiver, receipt: .checksums) == batch.id.digest)
        }

        @Test func noOtherServerIsContacted() async throws {
            let receiver = try receiver(.foreignLocation)
            let message = await failure { try await deliver(to: receiver) }
            #expect(message.hasPrefix("destination.refused") && message.contains("elsewhere, to 'http://127.0.0.2:"))
            #expect(receiver.count("PATCH") == 0)
        }

        @Test func aDamagedBatchLeavesNothingBehind() async throws {
            let receiver = try receiver()
            batch.damage("frames/picture-3.png")
            #expect(await failure { try await deliver(to: receiver) }.hasPrefix("batch.damaged"))
            #expect(receiver.count("PATCH") > 0 && receiver.count("DELETE") == 1)
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(receiver.folder)/.uploads") == [])
        }

        @Test func aCheckSaysWhatIsLacking() async throws {
            let poor = try receiver(.noChecksums)
            let lacking = await failure { try await destination(poor).check() }
            #expect(lacking.hasPrefix("destination.refused") && lacking.contains("lacks the tus extension checksum"))
            poor.kill()
            #expect(await failure { try await destination(poor).check() }.hasPrefix("destination.offline"))
        }

        @Test func aTokenIsReadAtEachVisit() async throws {
            let file = "\(folder.path)/token"
            try Data("one\n".utf8).write(to: URL(filePath: file))
            let receiver = try receiver(.none, ["--token-file", file])
            let mine = "\(folder.path)/mine"
            let known = try destination(receiver, token: .file(mine))
            #expect(await failure { try await known.check() }.contains("token file \(mine) cannot be read"))
            for (text, isRight) in [("two", false), ("one", true), ("", false), ("one two", false)] {
                try Data(text.utf8).write(to: URL(filePath: mine))
                let message = await failure { try await known.check() }
                #expect(message.hasPrefix(isRight ? "no failure" : "destination.refused"), "\(text): \(message)")
            }
            #expect(await failure { try await destination(receiver).check() }.contains("was answered with 401"))
            let unset = try destination(receiver, token: .environment("GLEANER_TEST_NO_SUCH_TOKEN"))
            #expect(await failure { try await unset.check() }.contains("GLEANER_TEST_NO_SUCH_TOKEN is not set"))
        }
    }

    @Suite struct TusOptionsTests {
        private func problems(_ options: [String: JSONValue]) -> [String] {
            let problems = ProblemList()
            let reader = OptionReader(.object(options), path: "d", problems: problems)
            let registry = Registry("destination", [Registry<any Destination>.Entry.http, .https])
            guard case .string(let place)? = options["to"] else { return [] }
            let request = ComponentRequest(name: place.hasPrefix("https:") ? "https" : "http", options: reader)
            _ = request.make(from: registry)
            return problems.problems.map { "\($0.path) \($0.message)" }
        }

        @Test(arguments: [
            ("https://user:secret@host/in", "holds a user name or a password"),
            ("https:///in", "no address of a server"),
            ("https:host", "no address of a server"), ("https://host/in?token=secret", "goes on after its path"),
            ("https://host/in#x", "goes on after its path"), ("https://ho st/", "no address of a server"),
        ])
        func anAddressThatIsNoneIsAProblemThatRepeatsNoSecret(_ place: String, _ expected: String) {
            let found = problems(["to": .string(place)])
            #expect(found.count == 1 && found[0].contains(expected) && !found[0].contains("secret"), "\(found)")
        }

        @Test func optionsThatMakeNoSenseAreProblems() {
            let to = JSONValue.string("http://host/in")
            #expect(problems(["to": to]) == [])
            #expect(
                problems(["to": to, "token_file": .string("token")]).first?.hasPrefix("d.token_file must be") == true)
            #expect(
                problems(["to": to, "token_file": .string("/t"), "token_env": .string("T")]).first?
                    .hasPrefix("d.token_env") == true)
            #expect(problems(["to": to, "ca": .string("/ca.pem")]).first?.hasPrefix("d.ca means nothing") == true)
            #expect(problems(["to": to, "receipt": .string("none")]).first?.contains("digest, checksums") == true)
            #expect(problems(["to": to, "layout": .string("flat")]).first?.contains("not a known key") == true)
            #expect(
                problems([
                    "to": .string("https://host:8443/in/"), "ca": .string("/ca.pem"), "receipt": .string("checksums"),
                ])
                    == [])
        }
    }
#endif
