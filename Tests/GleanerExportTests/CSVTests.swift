import Foundation
import GleanerCore
import GleanerExport
import Testing

@Suite struct CSVTests {
    private static let id = "0011223344556677-r3xffeeddccbbaa9988-1"

    @Test func aSampleIsALine() throws {
        let folder = try TemporaryFolder()
        let labeled = Make.fruit(2, [Make.apple], label: .boxes([Make.box("pear", 1, 2, 3.5, 4)]), split: .test)
        try writeView(CSVExport(), Make.header(.labeling, .detection, count: 2), [Make.fruit(1), labeled], in: folder)
        let text = try folder.text("samples.csv")
        #expect(
            text.components(separatedBy: "\r\n") == [
                "id,file,width,height,model,predicted,score,utility,reason,inclusion_probability,split,label",
                "\(Self.id),frames/\(Self.id).png,320,240,meter@2,,,0.75,margin,1.0,train,",
                "\(Self.id.dropLast())2,frames/\(Self.id.dropLast())2.png,320,240,meter@2,apple,0.75,0.75,margin,1.0,test,"
                    + #""[{""box"":{""height"":4,""width"":3.5,""x"":1,""y"":2},""label"":""pear""}]""#,
                "",
            ])
    }

    @Test func whatIsExportedIsReadBackAsTheSameLabels() throws {
        let folder = try TemporaryFolder()
        let labels: [LabelValue?] = [.classified("one & only"), nil, .unusable, .classified(" a,\"b\"\nc")]
        let samples = labels.enumerated().map { Make.digit(UInt64($0 + 1), label: $1) }
        try writeView(CSVExport(), Make.header(.labeling, .classification, count: 4), samples, in: folder)
        let read = try ReadLabels(CSVLabels(), "\(folder.path)/samples.csv")
        #expect(read.values == [.classified("one & only"), .unusable, .classified("a,\"b\"\nc")])
        #expect(read.found.map(\.sample) == [1, 3, 4].map { Make.id($0).description })
        #expect(read.found.map(\.place) == ["line 2", "line 4", "line 5"])
        let boxes = try TemporaryFolder()
        let value = LabelValue.boxes([Make.box("pear", 1, 2, 3.5, 4), Make.box("apple", 0, 0, 320, 240)])
        try writeView(
            CSVExport(), Make.header(.training, .detection, count: 1), [Make.fruit(1, label: value)], in: boxes)
        #expect(try ReadLabels(CSVLabels(), "\(boxes.path)/samples.csv").values == [value])
    }

    private func read(_ text: String) throws -> ReadLabels {
        let folder = try TemporaryFolder()
        return try ReadLabels(CSVLabels(), try folder.write(text, to: "in.csv"))
    }

    @Test(arguments: [
        "id,label\na,cat\nb,\"dog\"\n", "\u{FEFF}id,label\r\na,cat\r\n\r\nb,dog", "label;id\ncat;a\ndog;b\n",
        "ID\tLabel\na\tcat\nb\tdog\n", "\"id\",\" label \"\ra, cat \rb,dog\r",
        "other,file,label\n\"x\n\"\"y\"\"\",frames/a.png,cat\n,\\b.jpg,dog\n",
    ])
    func tablesOfEverySpreadsheetAreRead(_ text: String) throws {
        let read = try read(text)
        #expect(read.values == [.classified("cat"), .classified("dog")])
        #expect(read.found.map(\.sample) == ["a", "b"])
        #expect(read.rejected.isEmpty)
    }

    @Test func revisionTimeAndAuthorAreTakenWhereTheyAre() throws {
        let records = try read("id,label,revision,labeled_at,author\na,x,12,,kim\nb,x,,1970-01-01T00:00:01Z,\nc,x,,,\n")
            .found
        #expect(records.map(\.label.revision) == [12, 1_000, nil])
        #expect(records.map(\.label.author) == ["kim", nil, nil])
    }

    @Test func badLinesAreRejectedByTheirNumberAndTheRestIsTaken() throws {
        let nan = #""[{""label"":""a"",""box"":{""x"":NaN,""y"":0,""width"":1,""height"":1}}]""#
        let negative = #""[{""label"":""a"",""box"":{""x"":1,""y"":0,""width"":-1,""height"":1}}]""#
        let read = try read(
            "id,label,revision\n\"a\",\"multi\nline\",1\nb\nc,x,y\n,x,1\nd,[1],1\ne,\(nan),1\nf,\(negative),1\ng,ok,2\nh,[,1\n"
        )
        #expect(read.found.map(\.sample) == ["a", "g"])
        #expect(read.rejected.map(\.place) == ["line 4", "line 5", "line 6", "line 7", "line 8", "line 9", "line 11"])
        for (reason, part) in zip(
            read.reasons,
            [
                "has 1 fields", "revision 'y'", "names no sample", "malformed", "not valid JSON", "without area",
                "not valid JSON",
            ])
        {
            #expect(reason.contains(part), "\(reason)")
        }
    }

    @Test func aTableThatCannotBeReadIsAnErrorWithItsLine() throws {
        for (text, reason) in [
            ("", "is empty"), ("\n\n", "is empty"), ("a,b\n1,2\n", "lacks a column 'label'"),
            ("label\nx\n", "lacks a column"),
            ("id,label\na,\"x\n", "ends inside of quotes that line 2"),
            ("id,label\na,\"x\" y\n", "at line 2: text stands after"),
        ] {
            let message = failure { try read(text) }
            #expect(message.hasPrefix("document.malformed") && message.contains(reason), "\(message)")
        }
        let folder = try TemporaryFolder()
        let latin = try folder.write(Data("id,label\na,".utf8) + Data([0xE4, 0x0A]), to: "latin.csv")
        #expect(failure { try ReadLabels(CSVLabels(), latin) }.contains("at line 2: text is not UTF-8"))
        #expect(failure { try ReadLabels(CSVLabels(), folder.path) }.contains("is not a regular file"))
    }
}
