import GleanerCore

extension Decoder {
    /// A container in which a key that nobody knows is an error: a mistyped one would be passed over otherwise.
    func strictContainer<Keys: CodingKey & CaseIterable>(keyedBy type: Keys.Type) throws -> KeyedDecodingContainer<Keys>
    {
        let known = Keys.allCases.map(\.stringValue)
        for key in try container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
            let name = String(key.stringValue.prefix(60))
            let nearest = NearestName.of(name, among: known).map { ", did you mean '\($0)'?" } ?? ""
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath, debugDescription: "there is no key '\(name)'\(nearest)"))
        }
        return try container(keyedBy: type)
    }
}

private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
