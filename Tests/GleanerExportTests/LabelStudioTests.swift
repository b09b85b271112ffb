import Foundation
import GleanerCore
import GleanerExport
import Testing

@Suite struct LabelStudioTests {
    private static let id = "0011223344556677-r3xffeeddccbbaa9988-1"

    @Test func aTaskHasThePredictionInPercent() throws {
        let folder = try TemporaryFolder()
        let header = Make.header(.labeling, .detection, count: 1)
        try writeView(LabelStudioExport(), header, [Make.fruit(1, [Make.apple, Make.faintPear])], in: folder)
        #expect(
            try folder.text("label-studio.json") == """
                [
                {"data":{"image":"/data/local-files/?d=frames/\(Self.id).png","sample_id":"\(Self.id)"},\
                "meta":{"reason":"margin","sample_id":"\(Self.id)","split":"train","utility":0.75},\
                "predictions":[{"model_version":"meter@2","result":[{"from_name":"label","id":"b1","image_rotation":0,\
                "original_height":240,"original_width":320,"score":0.75,"to_name":"image","type":"rectanglelabels",\
                "value":{"height":50,"rectanglelabels":["apple"],"rotation":0,"width":37.5,"x":25,"y":25}}],"score":0.75}]}
                ]

                """)
    }

    @Test func theInterfaceListsTheClassesEscapedAndTheWayToSayUnusable() throws {
        let folder = try TemporaryFolder()
        try writeView(LabelStudioExport(), Make.header(.labeling, .classification, count: 0), [], in: folder)
        #expect(
            try folder.text("label-studio-config.xml") == """
                <View>
                  <Image name="image" value="$image" zoom="true"/>
                  <Choices name="label" toName="image" choice="single" showInline="true">
                    <Choice value="zero"/>
                    <Choice value="one &amp; only"/>
                    <Choice value="&lt;two&gt;"/>
                    <Choice value="unusable"/>
                  </Choices>
                </View>

                """)
        let boxes = try TemporaryFolder()
        try writeView(LabelStudioExport(), Make.header(.labeling, .detection, count: 0), [], in: boxes)
        #expect(
            try boxes.text("label-studio-config.xml") == """
                <View>
                  <Image name="image" value="$image" zoom="true"/>
                  <RectangleLabels name="label" toName="image">
                    <Label value="apple"/>
                    <Label value="pear"/>
                  </RectangleLabels>
                  <Choices name="frame" toName="image" choice="multiple" showInline="true">
                    <Choice value="unusable"/>
                  </Choices>
                </View>

                """)
    }

    @Test func noBoxLeavesThePictureAndNoClassTheInterface() throws {
        let folder = try TemporaryFolder()
        let wide = Detection(box: Box(x: -10, y: 100.3, width: 500, height: 500), classIndex: 0, score: 0.9)
        let gone = Detection(box: Box(x: 330, y: 0, width: 5, height: 5), classIndex: 0, score: 0.9)
        let other = Make.sample(2, .detection([Make.apple]), labels: ["plum"])
        let header = Make.header(.labeling, .detection, count: 2)
        try writeView(LabelStudioExport(), header, [Make.fruit(1, [wide, gone]), other], in: folder)
        let tasks = try JSONDecoder().decode(JSONValue.self, from: Data(folder.text("label-studio.json").utf8))
        guard case .array(let list) = tasks else { throw GleanerError(.malformed, "no list") }
        let text = list.map { String(decoding: (try? CanonicalJSON.encode($0)) ?? Data(), as: UTF8.self) }
        #expect(text[0].contains(#""x":0,"y":41.79"#) && text[0].contains(#""width":100"#), "\(text[0])")
        #expect(!text[0].contains("b2"))
        #expect(text[1].contains(#""predictions":[]"#) && !text[1].contains("plum"))
    }

    @Test func aClassNamedUnusableIsRefused() throws {
        let folder = try TemporaryFolder()
        var header = Make.header(.labeling, .classification, count: 0)
        header.classes.append("unusable")
        let message = failure { try LabelStudioExport().makeWriter(for: header, in: folder.path) }
        #expect(message.hasPrefix("export.class"))
    }

    @Test func whatIsExportedForTrainingIsReadBackAsTheSameLabels() throws {
        let folder = try TemporaryFolder()
        let labels = [
            LabelValue.boxes([Make.box("pear", 32, 24, 64, 96), Make.box("apple", 0, 0, 320, 240)]), .boxes([]),
        ]
        let samples = labels.enumerated().map { Make.fruit(UInt64($0 + 1), label: $1) }
        try writeView(LabelStudioExport(), Make.header(.training, .detection, count: 2), samples, in: folder)
        let read = try ReadLabels(LabelStudioLabels(), "\(folder.path)/label-studio.json")
        #expect(read.values == labels)
        #expect(read.rejected.isEmpty)
    }

    @Test func exportedPredictionsAreNotTakenForLabels() throws {
        let folder = try TemporaryFolder()
        let header = Make.header(.labeling, .detection, count: 1)
        try writeView(LabelStudioExport(), header, [Make.fruit(1, [Make.apple])], in: folder)
        let read = try ReadLabels(LabelStudioLabels(), "\(folder.path)/label-studio.json")
        #expect(read.found.isEmpty && read.rejected.isEmpty)
    }

    private func read(_ tasks: String..., control: String = "label") throws -> ReadLabels {
        let folder = try TemporaryFolder()
        let path = try folder.write("\u{FEFF}[\n\(tasks.joined(separator: ",\n"))\n]\n", to: "in.json")
        return try ReadLabels(LabelStudioLabels(control: control), path)
    }
    private func task(_ annotations: String, id: String = id) -> String {
        #"{"id":1,"data":{"image":"/x.png","sample_id":"\#(id)"},"drafts":[],"predictions":[{"result":[]}],"annotations":[\#(annotations)]}"#
    }
    private func choice(_ value: String, from: String = "label") -> String {
        #"{"id":"q","type":"choices","from_name":"\#(from)","to_name":"image","value":{"choices":\#(value)}}"#
    }
    private func annotation(_ results: String, at time: String = "2026-11-22T10:00:00.123456Z", _ more: String = "")
        -> String
    {
        #"{"id":4,"completed_by":1,"was_cancelled":false,"result":[\#(results)],"updated_at":"\#(time)"\#(more)}"#
    }

    @Test func aChoiceIsAClassWithTimeAndAuthor() throws {
        let read = try read(task(annotation(choice(#"["one"]"#))))
        let record = LabelRecord(value: .classified("one"), revision: 1_795_341_600_123, author: "label-studio user 1")
        #expect(read.found == [IncomingLabel(sample: Self.id, label: record, place: "task 1")])
    }

    @Test func theAnnotationUpdatedLastCountsAndSkippedOnesSayNothing() throws {
        let older = annotation(choice(#"["old"]"#), at: "2026-11-22T10:00:00Z")
        let newer = annotation(choice(#"["new"]"#), at: "2026-11-22T12:30:00+02:00")
        let skipped = #"{"was_cancelled":true,"result":[],"updated_at":"2026-12-01T00:00:00Z"}"#
        #expect(try read(task("\(newer),\(older),\(skipped)")).values == [.classified("new")])
        let onlySkipped = try read(task(skipped))
        #expect(onlySkipped.found.isEmpty && onlySkipped.rejected.isEmpty)
    }

    @Test func unusableIsTakenFromEitherControlAndAnEmptyResultShowsNothing() throws {
        #expect(try read(task(annotation(choice(#"["unusable"]"#)))).values == [.unusable])
        #expect(try read(task(annotation(choice(#"["unusable"]"#, from: "frame")))).values == [.unusable])
        #expect(try read(task(annotation(""))).values == [.boxes([])])
    }

    private func rectangle(_ value: String, _ more: String = #","original_width":320,"original_height":240"#) -> String
    {
        #"{"type":"rectanglelabels","from_name":"label","value":{"rectanglelabels":["cat"],\#(value)}\#(more)}"#
    }

    @Test func rectanglesBecomePixels() throws {
        let read = try read(task(annotation(rectangle(#""x":25,"y":25.0,"width":37.5,"height":50,"rotation":0"#))))
        #expect(read.values == [.boxes([Make.box("cat", 80, 60, 120, 120)])])
    }

    @Test func nonsenseIsRejectedWithItsTaskAndTheRestIsTaken() throws {
        let cases = [
            (rectangle(#""x":90,"y":0,"width":20,"height":10"#), "outside of its frame"),
            (rectangle(#""x":-5,"y":0,"width":20,"height":10"#), "outside of its frame"),
            (rectangle(#""x":0,"y":0,"width":0,"height":10"#), "without area"),
            (rectangle(#""x":0,"y":0,"width":NaN,"height":10"#), "not valid JSON"),
            (rectangle(#""x":0,"y":0,"width":1e999,"height":10"#), "not valid JSON"),
            (rectangle(#""x":0,"y":0,"width":1e300,"height":10"#), "not finite"),
            (rectangle(#""x":0,"y":0,"width":5,"height":10,"rotation":45"#), "rotated"),
            (rectangle(#""x":0,"y":0,"width":5"#), "lacks"),
            (rectangle(#""x":0,"y":0,"width":5,"height":5"#, ""), "lacks"),
            (
                rectangle(#""x":0,"y":0,"width":5,"height":5"#, #","original_width":1e9,"original_height":240"#),
                "on a picture"
            ),
            (choice(#"["a"]"#, from: "scene"), "none of 'label'"),
        ]
        for (result, reason) in cases {
            let good = task(annotation(choice(#"["one"]"#)))
            let read = try read(task(annotation(result)), good)
            #expect(read.values == [.classified("one")])
            #expect(
                read.reasons.count == 1 && read.reasons[0].hasPrefix("task 1: ") && read.reasons[0].contains(reason),
                "\(read.reasons)")
        }
    }

    @Test func severalChoicesAreSeveralClasses() throws {
        let one = task(annotation(choice(#"["b","a","b"]"#)))
        let two = task(annotation(choice(#"["b"]"#) + "," + choice(#"["a"]"#)))
        #expect(try read(one, two).values == [.classes(["a", "b"]), .classes(["a", "b"])])
    }

    @Test func theSampleIsFoundInMetaOrInTheNameOfThePicture() throws {
        let answer = #""annotations":[\#(annotation(choice(#"["one"]"#)))]"#
        let id = Self.id
        let samples = try read(
            #"{"data":{"image":"x"},"meta":{"sample_id":"\#(id)"},\#(answer)}"#,
            #"{"data":{"image":"/data/upload/3/18ea0506-\#(id).png"},\#(answer)}"#,
            #"{"data":{"image":"/data/local-files/?d=frames/\#(id).jpg"},\#(answer)}"#,
            #"{"data":{"image":"/data/local-files/?d=frames%2F\#(id).jpg"},\#(answer)}"#,
            #"{"data":{"image":"s3://bucket/a/other.png"},\#(answer)}"#, #"{"data":{},\#(answer)}"#)
        #expect(samples.found.map(\.sample) == [id, id, id, id, "other"])
        #expect(samples.reasons.count == 1 && samples.reasons[0].hasPrefix("task 6: names no sample"))
    }

    @Test func flatExportsAreReadToo() throws {
        let base =
            #""image":"/x.png","sample_id":"\#(Self.id)","id":2,"annotator":1,"annotation_id":4,"created_at":"2026-01-01T00:00:00Z","lead_time":1.5"#
        let time = #","updated_at":"2026-11-22T10:00:00Z""#
        let box =
            #"{"x":25,"y":25,"width":37.5,"height":50,"rotation":0,"rectanglelabels":["cat"],"original_width":320,"original_height":240}"#
        let read = try read(
            #"{\#(base)\#(time),"label":"one"}"#, #"{\#(base),"label":[\#(box)]}"#,
            #"{\#(base),"label":{"choices":["one","two"]}}"#, #"{\#(base),"frame":"unusable","label":[\#(box)]}"#,
            "{\(base)}",
            #"{"image":"/x.png","sample_id":"a","label":"one"}"#)
        #expect(
            read.values == [
                .classified("one"), .boxes([Make.box("cat", 80, 60, 120, 120)]), .classes(["one", "two"]), .unusable,
            ])
        #expect(read.found[0].label.revision == 1_795_341_600_000)
        #expect(read.rejected.map(\.place) == ["task 5", "task 6"])
    }

    @Test func aFileThatIsNoListIsAnErrorAndDeepNestingDoesNotOverflow() throws {
        let folder = try TemporaryFolder()
        let deep = "[" + String(repeating: #"{"a":["#, count: 50_000)
        for (text, reason) in [
            (#"{"a":1}"#, "must begin with '['"), ("[{}", "ends in the middle"), ("[{}]]", "must not stand here"),
            (deep, "nested deeper"), ("[}]", "closes nothing"),
        ] {
            let path = try folder.write(text, to: "in.json")
            let message = failure { try ReadLabels(LabelStudioLabels(), path) }
            #expect(message.hasPrefix("document.malformed") && message.contains(reason), "\(message)")
        }
    }
}
