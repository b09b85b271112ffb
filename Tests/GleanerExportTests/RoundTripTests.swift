import Foundation
import GleanerCore
import Testing

@testable import GleanerExport

/// What leaves in a format and comes back in it is the same.
@Suite struct RoundTripTests {
    /// A batch on a stick: sealed, delivered, verified.
    private func delivered(_ format: any ExportFormat, _ samples: [SampleRecord], in folder: TemporaryFolder) throws
        -> String
    {
        let task = samples.first?.prediction.task ?? .detection
        var batch = try BatchWriter(
            folder: try folder.folder("outbox"), header: Make.header(.training, task, count: samples.count),
            formats: [("one", format)])
        try batch.append(samples)
        _ = try batch.finish { Make.picture($0.sequence) }
        return try TestBatch.deliver(in: folder)
    }

    private static let boxes: [LabeledBox] = [
        Make.box("pear", 1.25, 2, 30, 40.5), Make.box("apple", 100, 101, 120.75, 33), Make.box("apple", 0, 0, 320, 240),
    ]
    private static let fruits = [
        Make.fruit(1, label: .boxes(boxes)), Make.fruit(2, label: .boxes([boxes[1]]), split: .val),
        Make.fruit(3, label: .boxes([boxes[2]]), split: .test),
    ]

    private func pixels(_ label: IncomingLabel) -> [LabeledBox] {
        guard case .boxes(let boxes) = label.label.value else { return [] }
        return boxes.map { mark in
            guard label.boxUnit == .fraction else { return mark }
            let box = mark.box
            return Make.box(mark.label, box.x * 320, box.y * 240, box.width * 320, box.height * 240)
        }
    }

    @Test(
        arguments: [
            (YOLOExport(), YOLOLabels(), ""), (VOCExport(), VOCLabels(), ""),
            (CVATExport(), CVATLabels(), ""),
            (ImageFolderExport(), ImageFolderLabels(), ""), (WebDatasetExport(), WebDatasetLabels(), ""),
            (WebDatasetExport(), WebDatasetLabels(), "/webdataset/train-000000.tar"),
        ] as [(any ExportFormat, any LabelFormat, String)])
    func boxesComeBackAsTheyLeft(out: any ExportFormat, back: any LabelFormat, path: String) throws {
        let folder = try TemporaryFolder()
        let batch = try delivered(out, Self.fruits, in: folder)
        let read = try ReadLabels(back, batch + path)
        #expect(read.rejected == [])
        let expected = path.hasSuffix(".tar") ? [Self.fruits[0]] : Self.fruits
        #expect(Set(read.found.map(\.sample)) == Set(expected.map { "\($0.id)" }))
        for label in read.found {
            let sample = try #require(expected.first { "\($0.id)" == label.sample })
            guard case .boxes(let boxes)? = sample.label?.value else { continue }
            let found = pixels(label)
            #expect(found.map(\.label) == boxes.map(\.label))
            for (one, other) in zip(found, boxes) {
                let differences = [
                    one.box.x - other.box.x, one.box.y - other.box.y, one.box.width - other.box.width,
                    one.box.height - other.box.height,
                ]
                #expect(differences.allSatisfy { abs($0) < 1e-3 }, "\(one) \(other)")
            }
        }
    }

    @Test(
        arguments: [
            (YOLOExport(), ImageFolderLabels()), (ImageFolderExport(), ImageFolderLabels()),
            (CVATExport(), CVATLabels()),
            (WebDatasetExport(), WebDatasetLabels()),
        ] as [(any ExportFormat, any LabelFormat)])
    func classesComeBackAsTheyLeft(out: any ExportFormat, back: any LabelFormat) throws {
        let samples = (1...9).map { number in
            Make.digit(UInt64(number), label: .classified(Make.digits[number % 3]), split: Split.allCases[number % 3])
        }
        let folder = try TemporaryFolder()
        let read = try ReadLabels(back, try delivered(out, samples, in: folder))
        #expect(read.rejected == [])
        let found = Dictionary(read.found.map { ($0.sample, $0.label.value) }, uniquingKeysWith: { first, _ in first })
        #expect(found == Dictionary(uniqueKeysWithValues: samples.map { ("\($0.id)", $0.label?.value ?? .unusable) }))
    }

    @Test func aFrameWithoutObjectsComesBackAsOne() throws {
        let empty = [Make.fruit(1, label: .boxes([]))]
        let pairs: [(any ExportFormat, any LabelFormat)] = [
            (YOLOExport(), YOLOLabels()), (VOCExport(), VOCLabels()), (ImageFolderExport(), ImageFolderLabels()),
            (WebDatasetExport(), WebDatasetLabels()), (CVATExport(), CVATLabels(empty: .labeled)),
        ]
        for (out, back) in pairs {
            let folder = try TemporaryFolder()
            #expect(try ReadLabels(back, try delivered(out, empty, in: folder)).values == [.boxes([])], "\(out)")
        }
        let folder = try TemporaryFolder()
        #expect(try ReadLabels(CVATLabels(), try delivered(CVATExport(), empty, in: folder)).values == [])
    }

    // MARK: YOLO

    @Test func yoloListsItsPartsAndClasses() throws {
        let folder = try TemporaryFolder()
        try writeView(YOLOExport(), Make.header(.training, .detection, count: 2), Array(Self.fruits[..<1]), in: folder)
        #expect(
            try folder.text("data.yaml") == """
                # Paths are relative to this file.
                train: images/train
                val: images/train  # no sample of this batch is in val
                names:
                  0: "apple"
                  1: "pear"

                """)
        #expect(
            try folder.text("labels/train/\(Make.id(1)).txt").split(separator: "\n")
                == [
                    "1 0.05078125 0.09270833 0.09375 0.16875", "0 0.50117188 0.48958333 0.37734375 0.1375",
                    "0 0.5 0.5 1.0 1.0",
                ])
    }

    @Test(
        arguments: [
            ("0 0.5,0.5,0.1,0.1", "line 1 has commas"), ("0 0.5 0.5 0.1", "4 numbers instead of 5"),
            ("7 .5 .5 .1 .1", "the class 7"), ("-1 .5 .5 .1 .1", "the class -1"), ("0.5 .5 .5 .1 .1", "the class 0.5"),
            ("0 .5 .5 nan .1", "no number"), ("0 .5 .5 inf .1", "no number"), ("0 .5 .5 0 .1", "without area"),
            ("0 .5 .5 -.1 .1", "no shares"), ("0 320 240 10 10", "no shares of the frame"),
            ("apple .5 .5 .1 .1", "'apple'"),
            ("0 .5 .5 .1 .1 .9", "a prediction"), ("0 .1 .1 .2 .2 .3 .3", "a polygon"),
            ("0 .5 .5 .1 .1\n1 .5 .5 .1", "line 2 has 4 numbers"), ("1e30 .5 .5 .1 .1", "the class 1e30"),
        ])
    func aLineOfYOLOThatIsNoBoxRejectsItsFile(line: String, reason: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("apple\npear\n", to: "classes.txt")
        try folder.write(line, to: "\(Make.id(1)).txt")
        try folder.write("\u{FEFF}1 0.5 0.5 0.25 0.25\r\n\r\n", to: "\(Make.id(2)).txt")
        let read = try ReadLabels(YOLOLabels(), folder.path)
        #expect(read.found.map(\.sample) == ["\(Make.id(2))"])
        #expect(read.rejected.map(\.sample) == ["\(Make.id(1))"])
        #expect(read.rejected.first?.reason.contains(reason) == true, "\(read.reasons)")
    }

    @Test(arguments: [
        ("names: [apple, 'pear tree']\n", ["apple", "pear tree"]),
        ("names:\n- apple\n- pear tree\n", ["apple", "pear tree"]),
        ("train: x\nnames:\n  1: pear tree\n  0: apple\n", ["apple", "pear tree"]),
    ])
    func classesAreReadFromAnyFormOfDataYaml(yaml: String, names: [String]) throws {
        let folder = try TemporaryFolder()
        try folder.write(yaml, to: "data.yaml")
        try folder.write("1 .5 .5 .1 .1", to: "\(Make.id(1)).txt")
        #expect(try ReadLabels(YOLOLabels(), folder.path).values.count == 1)
        guard case .boxes(let boxes)? = try ReadLabels(YOLOLabels(), "\(folder.path)/data.yaml").values.first else {
            Issue.record("no boxes")
            return
        }
        #expect(boxes.map(\.label) == [names[1]])
    }

    @Test func tenThousandNamesAreReadAtOnce() throws {
        let folder = try TemporaryFolder()
        let names = (0..<10_000).map { "  \($0): class \($0)" }.joined(separator: "\n")
        try folder.write("names:\n\(names)\n", to: "data.yaml")
        try folder.write("9999 .5 .5 .1 .1", to: "\(Make.id(1)).txt")
        guard case .boxes(let boxes)? = try ReadLabels(YOLOLabels(), folder.path).values.first else {
            Issue.record("no boxes")
            return
        }
        #expect(boxes.map(\.label) == ["class 9999"])
    }

    @Test(arguments: ["a: &a [x]\nnames: *a\n", "names:\n  <<: {0: a}\n", "? *a9\n: 1\n"])
    func referencesInDataYamlAreRefused(yaml: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(yaml, to: "data.yaml")
        #expect(failure { try ReadLabels(YOLOLabels(), folder.path) }.contains("references"))
    }

    @Test func aBatchOfAuditSamplesAloneIsNotTrainedOn() throws {
        let folder = try TemporaryFolder()
        let sample = Make.fruit(1, label: .boxes([]), split: .test)
        try writeView(YOLOExport(), Make.header(.training, .detection, count: 1), [sample], in: folder)
        let yaml = try folder.text("data.yaml")
        #expect(yaml.contains("train: images/train  # no sample") && yaml.contains("test: images/test\n"))
    }

    @Test func classesThatAStickTakesForOneHaveFoldersOfTheirOwn() {
        let folders = FolderName.of(["Apple", "apple", "pear"])
        #expect(folders["Apple"] == "Apple" && folders["pear"] == "pear")
        #expect(folders["apple"]?.hasPrefix("apple~") == true)
    }

    @Test func linesOfOthersThatCannotBeReadAreRejectedOneByOne() throws {
        let folder = try TemporaryFolder()
        let lines = [
            #"{"file_name":"\#(Make.id(1)).png","label":"apple"}"#, "",
            #"{"file_name":"\#(Make.id(2)).png","label":3}"#,
            "nonsense", #"{"file_name":"\#(Make.id(3)).png","label":"pear"}"#,
        ]
        try folder.write(lines.joined(separator: "\n"), to: "metadata.jsonl")
        let read = try ReadLabels(ImageFolderLabels(), folder.path)
        #expect(read.values == [.classified("apple"), .classified("pear")])
        #expect(read.rejected.map(\.sample) == ["\(Make.id(2))", ""])
    }

    @Test(arguments: ["names:\n  0: a\n  2: b\n", "names: 7\n", "train: x\n", "names: [a, [b]]\n", "{{{", ""])
    func classesThatCannotBeReadAreAnError(yaml: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(yaml, to: "data.yaml")
        #expect(failure { try ReadLabels(YOLOLabels(), folder.path) }.hasPrefix("document.malformed"))
    }

    // MARK: XML

    @Test(
        arguments: [
            ("<annotation><object></annotation>", "closes"), ("<annotation>", "ends in the middle"),
            ("<other></other>", "<other>"), ("", "ends in the middle"), ("<annotation></annotation><x/>", "follows"),
            ("<!DOCTYPE x [<!ENTITY a \"aaaa\">]><annotation>&a;</annotation>", "document type"),
            ("<annotation><filename>&lol;</filename></annotation>", "no entity"),
            ("<annotation><a b=1></a></annotation>", "no quotes"),
            ("<annotation><a b='1' b='2'/></annotation>", "twice"),
            ("<?xml version='1.0' encoding='latin-1'?><annotation/>", "latin-1"), ("<annotation>\u{0}", "middle"),
            (String(repeating: "<annotation>", count: 100), "deeper"), ("text<annotation/>", "outside"),
        ])
    func whatIsNoLabelFileInXMLIsAnError(text: String, word: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(text, to: "\(Make.id(1)).xml")
        let message = failure { try ReadLabels(VOCLabels(), path) }
        #expect(message.hasPrefix("document.malformed"), "\(message)")
        #expect(message.contains(word), "\(message)")
    }

    @Test func sixteenBitXMLIsNamed() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Data([0xFF, 0xFE, 0x3C, 0]), to: "x.xml")
        #expect(failure { try ReadLabels(VOCLabels(), path) }.contains("UTF-16"))
    }

    @Test(
        arguments: [
            ("<bndbox><xmin>10</xmin><ymin>10</ymin><xmax>5</xmax><ymax>20</ymax></bndbox>", "without area"),
            ("<bndbox><xmin>nan</xmin><ymin>1</ymin><xmax>5</xmax><ymax>20</ymax></bndbox>", "not finite"),
            ("<bndbox><xmin>1</xmin><xmax>5</xmax><ymax>20</ymax></bndbox>", "no number for ymin"), ("", "no bndbox"),
            ("<bndbox><xmin>-90</xmin><ymin>1</ymin><xmax>5</xmax><ymax>20</ymax></bndbox>", "outside"),
        ])
    func anObjectOfVOCThatIsNoBoxRejectsItsPicture(corners: String, reason: String) throws {
        let folder = try TemporaryFolder()
        let text = "<annotation><object><name>apple</name>\(corners)</object></annotation>"
        let path = try folder.write(text, to: "\(Make.id(1)).xml")
        let read = try ReadLabels(VOCLabels(), path)
        #expect(read.values == [])
        #expect(read.rejected.first?.reason.contains(reason) == true, "\(read.reasons)")
    }

    @Test func theOriginalCountsPixelsFromOne() throws {
        let folder = try TemporaryFolder()
        let corners = "<xmin>1</xmin><ymin>11</ymin><xmax>10</xmax><ymax>20</ymax>"
        let path = try folder.write(
            "<annotation><object><name>apple</name><bndbox>\(corners)</bndbox></object></annotation>",
            to: "\(Make.id(1)).xml")
        #expect(try ReadLabels(VOCLabels(firstPixel: 1), path).values == [.boxes([Make.box("apple", 0, 10, 10, 10)])])
        #expect(try ReadLabels(VOCLabels(), path).values == [.boxes([Make.box("apple", 1, 11, 9, 9)])])
    }

    @Test(
        arguments: [
            ("<polygon label='apple' points='1,2;3,4'/>", "<polygon>"),
            ("<box label='apple' source='auto'/>", "prediction"),
            ("<box xtl='1' ytl='1' xbr='4' ybr='5'/>", "no label"),
            ("<tag label='apple'/><box label='pear' xtl='1' ytl='1' xbr='4' ybr='5'/>", "only one kind"),
            ("<box label='apple' xtl='1' ytl='1' xbr='4' ybr='5' rotation='30'/>", "rotated"),
            ("<box label='apple' xtl='a' ytl='1' xbr='4' ybr='5'/>", "no number for xtl"),
        ])
    func aMarkOfCVATThatIsNoLabelRejectsItsPicture(marks: String, reason: String) throws {
        let folder = try TemporaryFolder()
        let other = "<image id='1' name='x/\(Make.id(2)).png'><tag label=\"a &amp; b &#x263A;\"/></image>"
        let path = try folder.write(
            "<annotations><meta/><image id='0' name='\(Make.id(1)).png'>\(marks)</image>\(other)</annotations>",
            to: "a.xml")
        let read = try ReadLabels(CVATLabels(), path)
        #expect(read.values == [.classified("a & b ☺")])
        #expect(read.rejected.first?.reason.contains(reason) == true, "\(read.reasons)")
    }

    // MARK: Shards

    @Test func shardsHoldPicturesAndNothingElseDoes() throws {
        let folder = try TemporaryFolder()
        let samples = (1...1_002).map { Make.digit(UInt64($0), label: .classified("zero")) }
        let batch = try delivered(WebDatasetExport(), samples, in: folder)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: batch).sorted() == [
                "manifest.json", "samples.jsonl", "webdataset",
            ])
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(batch)/webdataset").sorted()
        #expect(names == ["classes.txt", "train-000000.tar", "train-000001.tar"])
        #expect(try ReadLabels(WebDatasetLabels(), batch).found.count == samples.count)
    }

    @Test func aPictureThatIsNotTheOneKeptIsNotPacked() throws {
        let folder = try TemporaryFolder()
        var batch = try BatchWriter(
            folder: try folder.folder("outbox"), header: Make.header(.training, .classification, count: 1),
            formats: [("webdataset", WebDatasetExport())])
        try batch.append([Make.digit(1, label: .classified("zero"))])
        #expect(failure { try batch.finish { _ in [1, 2, 3] } }.hasPrefix("batch.damaged"))
    }

    @Test func shardsAreTheOnlyViewOfTheirBatch() throws {
        let folder = try TemporaryFolder()
        var batch = try BatchWriter(
            folder: try folder.folder("outbox"), header: Make.header(.training, .classification, count: 1),
            formats: [("webdataset", WebDatasetExport()), ("coco", CocoExport())])
        let message = failure { try batch.append([Make.digit(1, label: .classified("zero"))]) }
        #expect(message.contains("a batch of its own") || message.contains("packs the pictures"), "\(message)")
    }

    @Test func aShardThatIsCutIsAnError() throws {
        let folder = try TemporaryFolder()
        let batch = try delivered(WebDatasetExport(), [Make.digit(1, label: .classified("zero"))], in: folder)
        let whole = try Data(contentsOf: URL(filePath: "\(batch)/webdataset/train-000000.tar"))
        for count in [0, 100, 700, 1_100, whole.count - 1_024] {
            let path = try folder.write(whole.prefix(count), to: "cut.tar")
            #expect(failure { try ReadLabels(WebDatasetLabels(), path) }.hasPrefix("document.malformed"), "\(count)")
        }
    }
}
