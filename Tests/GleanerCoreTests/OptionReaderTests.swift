import GleanerCore
import Testing

@Suite("Option reader")
struct OptionReaderTests {
    private let problems = ProblemList()

    private func reader(_ values: [String: JSONValue], path: String = "selection") -> OptionReader {
        OptionReader(.object(values), path: path, problems: problems)
    }

    private enum Fruit: String, CaseIterable { case apple, pear }

    @Test func rightValuesAreRead() {
        let options = reader([
            "text": .string("a"), "flag": .bool(true), "count": .integer(3), "ratio": .number(0.5),
            "whole": .integer(1), "share": .string("2.5 %"), "part": .number(0.25), "size": .string("64 KiB"),
            "bytes": .integer(10), "names": .array([.string("x"), .string("y")]), "fruit": .string("pear"),
            "inner": .object(["key": .integer(1)]),
        ])
        #expect(options.string("text") == "a")
        #expect(options.bool("flag", default: false))
        #expect(options.integer("count", in: 1...3) == 3)
        #expect(options.number("ratio", in: 0...1) == 0.5)
        #expect(options.number("whole", in: 0...1) == 1)
        #expect(options.share("share") == 0.025)
        #expect(options.share("part") == 0.25)
        #expect(options.byteCount("size") == 65_536)
        #expect(options.byteCount("bytes") == 10)
        #expect(options.strings("names") == ["x", "y"])
        #expect(options.choice("fruit", Fruit.self) == .pear)
        let inner = options.section("inner")
        #expect(inner.integer("key", in: 0...9) == 1)
        inner.finish()
        options.finish()
        #expect(problems.problems == [])
    }

    @Test func absentAndNullKeysHaveTheirDefault() {
        let options = reader(["a": .null, "b": .null])
        #expect(options.string("a") == nil)
        #expect(options.bool("b", default: true))
        #expect(options.integer("c", in: 0...1) == nil)
        #expect(options.section("d").string("e") == nil)
        #expect(options.component("f") == nil)
        #expect(options.components("g") == nil)
        options.finish()
        #expect(problems.problems == [])
    }

    @Test func aSectionMayBeAbsentAsAWhole() {
        OptionReader(.null, path: "store", problems: problems).finish()
        #expect(problems.problems == [])
        OptionReader(.string("x"), path: "store", problems: problems).finish()
        #expect(problems.problems.map(\.path) == ["store"])
        #expect(problems.problems.first?.message == "must be a section with keys, not text")
    }

    @Test(
        "a wrong value is a problem at its path that shows what was found",
        arguments: [
            (.string("3"), "must be a whole number from 1 to 5, not \"3\""),
            (.integer(6), "must be a whole number from 1 to 5, not 6"),
            (.integer(.min), "must be a whole number from 1 to 5, not -9223372036854775808"),
            (.number(1.5), "must be a whole number from 1 to 5, not 1.5"),
            (.number(.nan), "must be a whole number from 1 to 5, not a number that cannot be written"),
            (.bool(true), "must be a whole number from 1 to 5, not true"),
            (.array([]), "must be a whole number from 1 to 5, not []"),
        ] as [(JSONValue, String)])
    func wrongInteger(value: JSONValue, expected: String) {
        #expect(reader(["count": value]).integer("count", in: 1...5) == nil)
        #expect(problems.problems.map(\.path) == ["selection.count"])
        #expect(problems.problems.first?.message == expected)
        #expect(problems.problems.first?.remedy.isEmpty == false)
    }

    @Test(
        "what is no share is a problem",
        arguments: [
            .string("2"), .string("%"), .string("nan %"), .string("inf%"), .string("-1 %"), .string("101 %"),
            .string("2 %%"), .number(.nan), .number(-0.1), .integer(2), .bool(true),
        ] as [JSONValue])
    func wrongShare(value: JSONValue) {
        #expect(reader(["share": value]).share("share") == nil)
        #expect(problems.problems.count == 1)
    }

    @Test func otherWrongValuesAreProblemsToo() {
        let options = reader([
            "text": .integer(1), "flag": .string("yes"), "size": .string("64 KX"), "negative": .integer(-1),
            "names": .array([.string("a"), .integer(1)]), "fruit": .string("plum"), "number": .number(.infinity),
        ])
        _ = options.string("text")
        #expect(!options.bool("flag", default: false))
        _ = options.byteCount("size")
        _ = options.byteCount("negative")
        _ = options.strings("names")
        _ = options.choice("fruit", Fruit.self)
        _ = options.number("number", in: 0 ... .infinity)
        options.finish()
        #expect(
            problems.problems.map(\.path)
                == ["text", "flag", "size", "negative", "names", "fruit", "number"].map { "selection.\($0)" })
        #expect(problems.problems[5].message == "must be one of apple, pear, not \"plum\"")
    }

    @Test func anUnknownKeyNamesTheNearestKnownOne() {
        let options = reader(["utlity": .integer(1), "zzz": .integer(2)])
        _ = options.string("utility")
        _ = options.string("budget")
        options.finish()
        #expect(problems.problems.map(\.path) == ["selection.utlity", "selection.zzz"])
        #expect(problems.problems[0].remedy == "did you mean 'utility'? known keys: utility, budget")
        #expect(problems.problems[1].remedy == "known keys: utility, budget")
    }

    @Test func aKeyAtTheTopHasNoDotBeforeIt() {
        let options = reader(["a": .integer(1)], path: "")
        options.finish()
        #expect(problems.problems.map(\.path) == ["a"])
        #expect(problems.problems.first?.remedy == "there are no keys here")
    }

    @Test func componentsAreNamesOrSectionsWithAType() throws {
        let options = reader([
            "list": .array([
                .string("one"), .object(["type": .string("two"), "size": .integer(3)]),
                .object(["size": .integer(3)]), .integer(4),
            ]),
            "single": .string("one"), "wrong": .string("one"),
        ])
        let registry = Registry<Int>(
            "number",
            [
                .init("one", "Just one.") { _ in 1 },
                .init("two", "Two, or another size.") { $0.integer("size", in: 0...9) ?? 2 },
            ])
        let components = try #require(options.components("list"))
        #expect(components.map(\.name) == ["one", "two"])
        #expect(components.compactMap { $0.make(from: registry) } == [1, 3])
        #expect(options.component("single")?.make(from: registry) == 1)
        #expect(options.components("wrong") == nil)
        #expect(
            problems.problems.map(\.path) == ["selection.list[2]", "selection.list[3]", "selection.wrong"])
    }

    @Test func anUnknownComponentIsAProblemWithTheNearestName() {
        let registry = Registry<Int>("number", [.init("one", "Just one.") { _ in 1 }])
        let options = reader(["single": .string("onne"), "other": .object(["type": .string("one"), "x": .integer(1)])])
        #expect(options.component("single")?.make(from: registry) == nil)
        #expect(options.component("other")?.make(from: registry) == 1)
        #expect(problems.problems.map(\.path) == ["selection.single", "selection.other.x"])
        #expect(problems.problems[0].message == "there is no number named 'onne'")
        #expect(problems.problems[0].remedy == "did you mean 'one'? known: one")
    }

    @Test func theFirstProblemIsThrownAndTheOthersAreCounted() throws {
        try problems.throwFirst()
        problems.add("a.b", "is wrong", remedy: "right it")
        #expect(gleanerError { try problems.throwFirst() }?.message == "a.b: is wrong")
        problems.add("c", "is wrong too", remedy: "")
        let error = gleanerError { try problems.throwFirst() }
        #expect(error?.message == "a.b: is wrong (and 1 more)")
        #expect(error?.remedy == "right it")
        #expect(error?.description == "a.b: is wrong (and 1 more)\n  try: right it")
    }
}

@Suite("Registry")
struct RegistryTests {
    private let registry = Registry<Int>(
        "number",
        [.init("one", "One.") { _ in 1 }, .init("many", "Many.") { $0.integer("count", in: 2...9) ?? 2 }])

    @Test func namesMakeComponents() throws {
        #expect(try registry.make("one") == 1)
        #expect(try registry.make("many") == 2)
        #expect(registry.names == ["one", "many"])
    }

    @Test func anotherComponentCanBeAdded() throws {
        var registry = registry
        registry.register(.init("three", "Three.") { _ in 3 })
        #expect(try registry.make("three") == 3)
    }

    @Test func anUnknownNameIsAnError() {
        let error = gleanerError { try registry.make("mny") }
        #expect(error?.code == .unknownName)
        #expect(error?.remedy == "did you mean 'many'? known: one, many")
        #expect(gleanerError { try registry.make("") }?.remedy == "known: one, many")
    }
}

@Suite("Names and sizes")
struct NameAndSizeTests {
    @Test(
        "a typing error finds its name",
        arguments: [
            ("margin", "margin"), ("margn", "margin"), ("mragin", "margin"), ("entropyy", "entropy"),
            ("MARGIN", nil), ("x", nil), ("", nil), ("least_confidence", "least-confidence"),
        ])
    func nearestName(name: String, expected: String?) {
        #expect(NearestName.of(name, among: ["margin", "entropy", "least-confidence"]) == expected)
    }

    @Test func withoutNamesThereIsNone() {
        #expect(NearestName.of("a", among: []) == nil)
    }

    @Test(
        "sizes are read as people write them",
        arguments: [
            ("0", 0), ("10", 10), ("64 KiB", 65_536), ("64kib", 65_536), ("500MB", 500_000_000),
            ("2 GiB", 2 << 30), ("1.5 GB", 1_500_000_000), ("1_000 B", 1000), ("4 TiB", 4 << 40),
            ("2TB", 2_000_000_000_000),
            ("", nil), ("KiB", nil), ("-1", nil), ("1 PB", nil), ("1..5 GB", nil), ("1e3", nil), ("nan", nil),
            ("½ GB", nil), ("99999999999 TiB", nil), ("5 000 KB", 5_000_000), ("٣ KB", nil), ("1 GB x", nil),
        ] as [(String, Int?)])
    func sizes(text: String, expected: Int?) {
        #expect(ByteCount.parse(text) == expected)
    }

    @Test(
        "sizes are written with three digits",
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_572_864, "1.5 MiB"), (1_567_000_000, "1.46 GiB"),
            (10_485_760, "10.0 MiB"), (12_345_678, "11.8 MiB"), (123_456_789, "118 MiB"),
            (1_047_900, "1023 KiB"), (1_048_570, "1.0 MiB"), (Int.max, "8388608 TiB"),
        ])
    func writtenSizes(count: Int, expected: String) {
        #expect(ByteCount.format(count) == expected)
    }
}
