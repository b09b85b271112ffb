import Foundation
import Testing

@testable import GleanerStore

@Suite struct JSONListTests {
    @Test func whatIsInItComesBack() throws {
        var list = JSONList()
        #expect(list.isEmpty)
        #expect(list.text == "[]")
        let texts = ["", "a", "\"quoted\\\"", "tab\tnew\nline\u{1}\u{1f}", "ä 日本 🍎", "[,]"]
        for text in texts { list.append(text[...]) }
        let numbers = [Int64.min, -10, -1, 0, 7, 1_764_000_000_123_456_789, .max]
        list.appendList { inner in for number in numbers { inner.append(number) } }
        list.appendList { _ in }
        #expect(!list.isEmpty)
        let read = try #require(try JSONSerialization.jsonObject(with: Data(list.text.utf8)) as? [Any])
        #expect(read.prefix(texts.count).compactMap { $0 as? String } == texts)
        #expect((read[texts.count] as? [NSNumber])?.map(\.int64Value) == numbers)
        #expect((read.last as? [Any])?.isEmpty == true)
    }
}
