import Foundation
import GleanerCore
import GleanerExport
import Testing

@Suite struct CocoTests {
    private let id = "0011223344556677-r3xffeeddccbbaa9988-1"

    @Test func predictionsBecomeAnnotationsWithTheirScore() throws {
        let folder = try TemporaryFolder()
        let samples = [Make.fruit(1, [Make.apple, Make.faintPear]), Make.fruit(2)]
        try writeView(CocoExport(), Make.header(.labeling, .detection, count: 2), samples, in: folder)
        #expect(folder.names == ["coco.json"])
        #expect(
            try folder.text("coco.json") == """
                {"images":[
                {"file_name":"frames/\(id).png","gleaner_id":"\(id)","height":240,"id":1,"width":320},
                {"file_name":"frames/\(id.dropLast())2.png","gleaner_id":"\(id.dropLast())2","height":240,"id":2,"width":320}
                ],"annotations":[
                {"area":14400,"bbox":[80,60,120,120],"category_id":1,"id":1,"image_id":1,"iscrowd":0,"score":0.75}
                ],"categories":[
                {"id":1,"name":"apple"},
                {"id":2,"name":"pear"}
                ]}

                """)
    }

    @Test func trainingHasAFileForEachSplitSoThatTestSamplesAreNotTrainedOn() throws {
        let folder = try TemporaryFolder()
        let label = LabelValue.boxes([Make.box("pear", 1, 2, 3, 4)])
        let samples = [Make.fruit(1, label: label), Make.fruit(2, label: .boxes([]), split: .test)]
        try writeView(CocoExport(), Make.header(.training, .detection, count: 2), samples, in: folder)
        #expect(folder.names == ["coco-test.json", "coco-train.json"])
        let train = try folder.text("coco-train.json")
        #expect(train.contains(#""bbox":[1,2,3,4],"category_id":2"#))
        #expect(train.contains(#""labeled":true"#))
        #expect(!train.contains("\(id.dropLast())2"))
    }

    @Test func aClassIsAnAnnotationOfTheWholeFrame() throws {
        let folder = try TemporaryFolder()
        try writeView(CocoExport(), Make.header(.labeling, .classification, count: 1), [Make.digit(1)], in: folder)
        #expect(
            try folder.text("coco.json").contains(
                #"{"area":76800,"category_id":2,"id":1,"image_id":1,"iscrowd":0,"score":0.5}"#))
    }

    @Test func whatIsExportedForTrainingIsReadBackAsTheSameLabels() throws {
        for (task, labels) in [
            (ModelTask.detection, [LabelValue.boxes([Make.box("pear", 0.1, 2, 33.3, 4)]), .boxes([])]),
            (.classification, [.classified("one & only"), .classified("<two>")]),
        ] {
            let folder = try TemporaryFolder()
            let samples = labels.enumerated().map { index, label in
                let id = UInt64(index + 1)
                return task == .detection ? Make.fruit(id, label: label) : Make.digit(id, label: label)
            }
            try writeView(CocoExport(), Make.header(.training, task, count: 2), samples, in: folder)
            let read = try ReadLabels(CocoLabels(), "\(folder.path)/coco-train.json")
            #expect(read.values == labels)
            #expect(read.found.map(\.sample) == [Make.id(1).description, Make.id(2).description])
            #expect(read.rejected.isEmpty)
        }
    }

    @Test func exportedPredictionsAreNotTakenForLabels() throws {
        let folder = try TemporaryFolder()
        let header = Make.header(.labeling, .detection, count: 2)
        try writeView(CocoExport(), header, [Make.fruit(1, [Make.apple]), Make.fruit(2)], in: folder)
        let path = "\(folder.path)/coco.json"
        let read = try ReadLabels(CocoLabels(), path)
        #expect(read.found.isEmpty)
        #expect(read.reasons.count == 1 && read.reasons[0].hasPrefix("image 1: annotation 1 has a score"))
        #expect(try ReadLabels(CocoLabels(empty: .labeled, scored: .labels), path).found.count == 2)
    }

    private func read(_ images: String, _ annotations: String, empty: CocoLabels.Empty = .unlabeled) throws
        -> ReadLabels
    {
        let folder = try TemporaryFolder()
        let text = """
            {"info":{"x":"]}"},"annotations":[\(annotations)],"images":[\(images)],"categories":[{"id":1,"name":"a"}],"v":2}
            """
        return try ReadLabels(CocoLabels(empty: empty), try folder.write(text, to: "in.json"))
    }

    @Test func aPictureWithoutAnnotationsIsALabelOnlyIfItSaysSo() throws {
        let images = #"{"id":1,"file_name":"f/x.png"},{"id":2,"file_name":"y.png","labeled":true}"#
        #expect(try read(images, "").found.map(\.sample) == ["y"])
        #expect(try read(images, "", empty: .labeled).found.map(\.sample) == ["x", "y"])
    }

    @Test(arguments: [
        (#""bbox":[0,0,0,5]"#, "has a box without area"), (#""bbox":[0,0,-4,5]"#, "has a box without area"),
        (#""bbox":[-40,0,4,5]"#, "outside of its frame"), (#""bbox":[98,0,4,5]"#, "outside of its frame"),
        (#""bbox":[0,0,1e39,5]"#, "not finite"), (#""bbox":[0,0,1e999,5]"#, "is not valid JSON"),
        (#""bbox":[1,2,3]"#, "3 numbers instead of 4"), (#""bbox":["1",2,3,4]"#, "is malformed"),
        (#""bbox":[1,2,3,4],"iscrowd":1"#, "marks a crowd"), (#""bbox":[1,2,3,4],"score":0.5"#, "has a score"),
    ])
    func oneBadAnnotationRejectsItsWholePicture(_ bad: String, reason: String) throws {
        let images = #"{"id":1,"file_name":"x.png","width":100,"height":100},{"id":"b","file_name":"y.png"}"#
        let good = #"{"image_id":1,"category_id":1,"bbox":[1,2,3,4]},{"image_id":"b","category_id":1,"bbox":[1,2,3,4]}"#
        let read = try read(images, #"\#(good),{"image_id":1,"category_id":1,\#(bad)}"#)
        #expect(read.found.map(\.sample) == ["y"])
        #expect(read.reasons.count == 1 && read.reasons[0].contains(reason), "\(read.reasons)")
    }

    @Test func annotationsOfNothingAndOfUnknownCategoriesAreRejected() throws {
        let annotations =
            #"{"image_id":9,"category_id":1,"bbox":[1,2,3,4]},{"image_id":1,"category_id":7,"bbox":[1,2,3,4]}"#
        let read = try read(#"{"id":1,"file_name":"x.png"}"#, annotations)
        #expect(read.found.isEmpty)
        #expect(
            read.reasons == [
                "annotation 1: is of the image 9, which is not listed",
                "image 1: has the category 7, which is not listed",
            ])
    }

    @Test func aFileThatIsNoCocoIsAnError() throws {
        let folder = try TemporaryFolder()
        for (text, reason) in [
            ("[]", "must begin with '{'"), ("{}", "has no list 'images'"), ("", "ends in the middle"),
            (#"{"images":[{"id":1}"#, "ends in the middle"), (#"{"images":[{"id":1}]}x"#, "'x' must not stand here"),
            (#"{"images":[{"id":1},{"id":1}]}"#, "which another image has too"),
            (#"{"images":[{"id":1},,{"id":2}]}"#, "at byte 20 (line 1): an element is missing"),
            (#"{"images":[1]}"#, "image 1 is malformed"),
        ] {
            let path = try folder.write(text, to: "in.json")
            let message = failure { try ReadLabels(CocoLabels(), path) }
            #expect(message.hasPrefix("document.malformed") && message.contains(reason), "\(message)")
        }
    }
}
