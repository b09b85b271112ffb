#if Network
    import Foundation
    import GleanerCore
    import GleanerTesting
    import Testing

    @testable import GleanerSync

    @Suite struct MultipartBodyTests {
        @Test func filesFollowEachOtherWithFieldsOfTheirOwn() {
            var form = MultipartBody(boundary: "X")
            form.append(Array("one".utf8), named: "a.png", type: "image/png")
            form.append([0x0D, 0x0A], named: "b\"\r\n.jpg", type: "image/jpeg")
            let expected = """
                --X\r
                Content-Disposition: form-data; name="file0"; filename="a.png"\r
                Content-Type: image/png\r
                \r
                one\r
                --X\r
                Content-Disposition: form-data; name="file1"; filename="b%22%0D%0A.jpg"\r
                Content-Type: image/jpeg\r
                \r
                \r
                \r
                --X--\r

                """
            #expect(String(decoding: form.finished(), as: UTF8.self) == expected)
            #expect(form.contentType == "multipart/form-data; boundary=X")
            #expect(form.fileCount == 2)
            #expect(MultipartBody().contentType != MultipartBody().contentType)
        }
    }

    @Suite struct LabelStudioTokenTests {
        /// A token whose middle part is this document.
        private func jwt(_ claims: String) -> String {
            let middle = Data(claims.utf8).base64EncodedString().replacing("=", with: "").replacing("+", with: "-")
            return "eyJhbGciOiJIUzI1NiJ9.\(middle).signature"
        }

        @Test func bothKindsAreToldApart() {
            let legacy = String(repeating: "0a", count: 20)
            let personal = jwt(#"{"token_type":"refresh","exp":8102943061,"iat":1795743061}"#)
            #expect(LabelStudioToken("\(legacy)\n") == .legacy(legacy))
            #expect(LabelStudioToken(" \(personal)\n") == .personal(personal))
            for text in ["", "password", String(legacy.dropLast()), "a.b.c", jwt("{}"), "\(legacy)\(legacy)"] {
                #expect(LabelStudioToken(text) == nil, "\(text)")
            }
        }

        @Test func aLifeIsTheDifferenceOfTheServersTimes() {
            #expect(LabelStudioToken.lifeSeconds(of: jwt(#"{"exp":1300,"iat":1000}"#)) == 300)
            #expect(LabelStudioToken.lifeSeconds(of: jwt(#"{"exp":1300}"#)) == nil)
            #expect(LabelStudioToken.lifeSeconds(of: "x") == nil)
        }

        @Test func aFileIsReadAtEachUse() throws {
            let folder = try TemporaryFolder()
            let source = LabelStudioTokenSource(.file("\(folder.path)/token"))
            #expect(throws: GleanerError.self) { try source.read() }
            let first = String(repeating: "1", count: 40)
            try Data("\(first)\n".utf8).write(to: URL(filePath: "\(folder.path)/token"))
            #expect(try source.read() == .legacy(first))
            try Data("something else".utf8).write(to: URL(filePath: "\(folder.path)/token"))
            #expect(throws: GleanerError.self) { try source.read() }
        }

        @Test func aPersonalTokenIsRenewedWhenItsChildEndsOrIsRefused() async throws {
            let folder = try TemporaryFolder()
            let parent = jwt(#"{"exp":2,"iat":1}"#)
            try Data(parent.utf8).write(to: URL(filePath: "\(folder.path)/token"))
            let access = LabelStudioAccess(LabelStudioTokenSource(.file("\(folder.path)/token")))
            let long = jwt(#"{"exp":1300,"iat":1000}"#)
            let first = try await access.header { asked in
                #expect(asked == parent)
                return long
            }
            #expect(first == "Bearer \(long)")
            #expect(try await access.header { _ in "another" } == first)
            #expect(try await access.header(insteadOf: first) { _ in "another" } == "Bearer another")
        }
    }

    @Suite struct LabelingInterfaceTests {
        private let digits = """
            <View>
              <Image name="image" value="$image" zoom="true"/>
              <Choices name="label" toName="image" choice="single" showInline="true">
                <Choice value="0"/>
                <Choice value="a &amp; &quot;b&quot;"/>
              </Choices>
            </View>

            """

        private func extended(_ project: String, for batch: String? = nil) throws -> String? {
            try LabelingInterface(project).extended(
                for: LabelingInterface(batch ?? digits), controls: ["label"], place: "the project 'p'")
        }

        @Test func controlsAndTheirValuesAreRead() throws {
            let interface = LabelingInterface(digits)
            let label = try #require(interface.controls["label"])
            #expect(interface.picture == "image" && interface.controls.count == 1)
            #expect(label.kind == .choices && label.target == "image" && !label.allowsSeveral)
            #expect(label.values == ["0", "a & \"b\""])
        }

        @Test func othersWriteItInTheirOwnWay() throws {
            let interface = LabelingInterface(
                """
                <?xml version="1.0"?><!-- <Choices name="no"/> --><View style='a > b'>
                <Image value='$image' name='image' /><Header value="1 &lt; 2 &#65;"/>
                <RectangleLabels toName="image" name="label"><Label value="shown" alias='cat' background="red"></Label>
                </RectangleLabels><Choices name="frame" toName="image" choice="multiple"/>
                """)
            #expect(interface.picture == "image")
            #expect(interface.controls["label"]?.values == ["cat"])
            #expect(interface.controls["frame"]?.allowsSeveral == true)
            #expect(interface.controls["no"] == nil)
            for text in ["", "<", "<View", "<View a=", "<View a=\"", "<!--", "&", "< /"] {
                #expect(LabelingInterface(text).controls.isEmpty, "\(text)")
            }
        }

        @Test func whatIsThereStaysAndWhatIsMissingIsAdded() throws {
            #expect(try extended(digits) == nil)
            let other = digits.replacing("<Choice value=\"0\"/>", with: "<Choice value=\"x\" hotkey=\"q\"/>")
            let result = try #require(try extended(other))
            #expect(result == other.replacing("  </Choices>", with: "    <Choice value=\"0\"/>\n  </Choices>"))
            #expect(try extended(result) == nil)
            let special = other.replacing("    <Choice value=\"a &amp; &quot;b&quot;\"/>\n", with: "")
            #expect(try extended(special)?.contains("<Choice value=\"a &amp; &quot;b&quot;\"/>") == true)
            #expect(try extended("<View></View>") == digits)
        }

        @Test func whatIsMadeForSomethingElseIsNotTouched() async {
            let table = [
                (digits.replacing("$image", with: "$picture"), "no Image"),
                (digits.replacing("\"label\"", with: "\"kind\""), "no Choices named 'label'"),
                (digits.replacing("Choices", with: "RectangleLabels"), "no Choices named 'label'"),
                (digits.replacing("toName=\"image\"", with: "toName=\"other\""), "for 'image'"),
            ]
            for (project, reason) in table {
                let message = await failure { try extended(project) as Any }
                #expect(message.hasPrefix("destination.rejected") && message.contains(reason), "\(message)")
            }
            let several = digits.replacing("single", with: "multiple")
            #expect(await failure { try extended(digits, for: several) as Any }.contains("allows one choice"))
        }
    }

    @Suite struct LabelStudioViewTests {
        static let interface = """
            <View><Image name="image" value="$image"/>
            <RectangleLabels name="label" toName="image"><Label value="cat"/></RectangleLabels>
            <Choices name="frame" toName="image"><Choice value="unusable"/></Choices></View>
            """

        static func task(_ sample: String, score: String = "0.5", value: String = box) -> String {
            """
            {"data":{"image":"/data/local-files/?d=frames/\(sample).png","sample_id":"\(sample)"},"meta":{"sample_id":"\
            \(sample)"},"predictions":[{"model_version":"m@2","score":\(score),"result":[{"id":"b1","from_name":"label",\
            "to_name":"image","type":"rectanglelabels","score":\(score),"value":\(value)}]}]}
            """
        }
        static let box = #"{"rectanglelabels":["cat"],"x":0,"y":12.5,"width":100,"height":87.5,"rotation":0}"#

        static func batch(_ tasks: [String], samples: [String] = ["s1", "s2"]) throws -> TestBatch {
            var files = ["label-studio-config.xml": Array(interface.utf8)]
            files["label-studio.json"] = Array("[\n\(tasks.joined(separator: ",\n"))\n]\n".utf8)
            files["samples.jsonl"] = Array(
                samples.map { "{\"id\":\"\($0)\",\"file\":\"frames/\($0).png\"}\n" }.joined().utf8)
            for sample in samples { files["frames/\(sample).png"] = Array("picture of \(sample)".utf8) }
            return try TestBatch(files)
        }

        private func failure(_ tasks: [String]) async -> String {
            await GleanerSyncTests.failure { try LabelStudioView(Self.batch(tasks), Cancellation()) }
        }

        @Test func samplesMeetTheirTasks() throws {
            let samples = (1...5).map { "s\($0)" }
            let batch = try Self.batch(samples.map { Self.task($0) }, samples: samples)
            let view = try LabelStudioView(batch, Cancellation())
            #expect(view.controls == ["label"])
            var groups = LabelStudioView.Groups(of: view, count: 2)
            var found: [[String]] = []
            while case let group = try groups.next(), !group.isEmpty {
                found.append(group.map { "\($0.sample) \($0.picture.path)" })
            }
            let expected = samples.map { "\($0) frames/\($0).png" }
            #expect(found == [Array(expected[..<2]), Array(expected[2..<4]), Array(expected[4...])])
        }

        @Test func aTaskIsSentWithItsPictureAndKeepsItsModel() throws {
            let task: JSONValue = try CanonicalJSON.decode(from: Data(Self.task("s1").utf8), named: "it")
            let sent = LabelStudioShipment.task(task, picture: "/data/upload/1/x-s1.png")
            let text = String(decoding: try CanonicalJSON.encode(sent), as: UTF8.self)
            #expect(text.contains(#""data":{"image":"/data/upload/1/x-s1.png","sample_id":"s1"}"#))
            #expect(text.contains(#""meta":{"model":"m@2","sample_id":"s1"}"#))
            #expect(text.contains(#""model_version":"gleaner""#) && text.contains(#""y":12.5"#))
        }

        @Test func nonsenseIsNotSent() async throws {
            func value(_ old: String, _ new: String) -> String {
                Self.task("s1", value: Self.box.replacing(old, with: new))
            }
            let table = [
                (value("cat", "dog"), "class 'dog'"), (value("[\"cat\"]", "[]"), "without a class"),
                (value("\"width\":100", "\"width\":100.1"), "not within the picture"),
                (value("\"x\":0", "\"x\":-1"), "not within the picture"),
                (value("\"height\":87.5", "\"height\":0"), "not within the picture"),
                (value("\"y\":12.5,", ""), "not within the picture"),
                (Self.task("s1", score: "1.5"), "score 1.5"), (Self.task("s1", score: "-0.1"), "score -0.1"),
                (Self.task("s1").replacing("\"label\"", with: "\"other\""), "control 'other'"),
                (Self.task("s1").replacing("rectanglelabels\",", with: "choices\","), "control 'label'"),
                (Self.task("s9"), "is of 's9'"), ("{}", "is none"),
            ]
            for (task, reason) in table {
                let message = await failure([task, Self.task("s2")])
                #expect(message.hasPrefix("destination.rejected") && message.contains(reason), "\(message)")
            }
            #expect(await failure([Self.task("s1")]).contains("lacks sample s2"))
        }

        @Test func aDamagedViewIsNotSent() async throws {
            for path in ["label-studio.json", "samples.jsonl", "label-studio-config.xml"] {
                let batch = try Self.batch([Self.task("s1"), Self.task("s2")])
                batch.damage(path)
                let message = await GleanerSyncTests.failure { try LabelStudioView(batch, Cancellation()) }
                #expect(message.hasPrefix("batch.damaged"), "\(message)")
            }
            let other = try TestBatch.make()
            #expect(
                await GleanerSyncTests.failure { try LabelStudioView(other, Cancellation()) }
                    .contains("has no 'label-studio.json'"))
        }

        @Test func linesAreCutWhereverPiecesEnd() throws {
            let long = String(repeating: "x", count: 300_000)
            let batch = try TestBatch(["a": Array("\(long)\n\nshort\n\(long)".utf8)])
            var lines = BatchLines(batch.manifest.files[0], of: batch)
            var found: [Int] = []
            while let line = try lines.next() { found.append(line.count) }
            #expect(found == [300_000, 0, 5, 300_000])
        }
    }

    @Suite struct LabelStudioOptionsTests {
        private func make(_ options: [String: JSONValue]) async -> String {
            await failure {
                let problems = ProblemList()
                let reader = OptionReader(.object(options), path: "d", problems: problems)
                let made = try Registry("destination", [.labelStudio]).make(
                    "label-studio", options: reader)
                try problems.throwFirst()
                return made.place
            }
        }

        @Test func anEntryNamesItsServerAndProject() async {
            #expect(
                await make(["to": .string("label-studio:http://labels:8080/")])
                    == "no failure: label-studio:http://labels:8080")
            #expect(
                await make(["to": .string("label-studio:https://x/ls"), "project": .string("gates")])
                    == "no failure: label-studio:https://x/ls#gates")
        }

        @Test(arguments: [
            ("label-studio:labels:8080", [:], "does not name a Label Studio"),
            ("label-studio:http://", [:], "does not name a Label Studio"),
            ("label-studio:http://x/?a=b", [:], "does not name a Label Studio"),
            ("label-studio:http://me@x", [:], "a name or a password"),
            ("label-studio:http://me:secret@x", [:], "a name or a password"),
            ("label-studio:http://x", ["project": "ab"], "3 to 50 characters, and has 2"),
            ("label-studio:http://x", ["token_file": "token"], "from the root"),
            ("label-studio:http://x", ["token_file": "/t", "token_env": "T"], "one token too many"),
            ("label-studio:http://x", ["ca": "/nowhere.pem"], "no certificates"),
            ("label-studio:http://x", ["token": "x"], "not a known key"),
        ])
        func whatIsWrongIsSaid(_ to: String, _ more: [String: String], _ reason: String) async {
            let options = more.mapValues { JSONValue.string($0) }.merging(["to": .string(to)]) { first, _ in first }
            let message = await make(options)
            #expect(message.hasPrefix("document.malformed") && message.contains(reason), "\(message)")
            #expect(!message.contains("secret"))
        }

        @Test func anItemNamesItsProjectAndDevice() throws {
            let device = DeviceID(rawValue: 7)
            let name = LabelStudioDestination.itemName(3, for: device)
            #expect(InboxItem.kind(of: name, for: device)?.name == name)
            let parts = try #require(LabelStudioDestination.parts(of: name))
            #expect(parts.project == 3 && parts.device == device)
            for other in ["", "a/b/c/d", "device=7/labels/label-studio/project-3.json", "labels/label-studio/x.json"] {
                #expect(LabelStudioDestination.parts(of: other) == nil, "\(other)")
            }
        }

        @Test func queriesAreWrittenForAddresses() throws {
            #expect(LabelStudioServer.text(of: []) == "")
            #expect(
                LabelStudioServer.text(of: [("a", "1 é&[\"x\"]"), ("b", "-._~")])
                    == "?a=1%20%C3%A9%26%5B%22x%22%5D&b=-._~")
            let query = try LabelStudioFilter.samples(["a", "b"]).query(newestFirst: false)
            #expect(
                query
                    == #"{"filters":{"conjunction":"and","items":[{"filter":"filter:tasks:data.sample_id","operator":"in_list","#
                    + #""type":"String","value":["a","b"]}]},"ordering":["tasks:id"]}"#)
        }
    }
#endif
