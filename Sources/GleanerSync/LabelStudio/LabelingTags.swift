#if Network
    import GleanerCore

    /// The tags of a labeling interface, one after the other.
    ///
    /// Not a parser: Label Studio checks what it is given. Comments and everything between tags are passed over.
    struct LabelingTags: Sequence, IteratorProtocol {
        struct Tag {
            var name: String
            var attributes: [String: String]
            /// Whether it ends an element: `</View>`.
            var isEnd: Bool
            /// Whether it is an element by itself: `<Label/>`.
            var isWhole: Bool
            /// Where its `<` stands.
            var start: String.Index
        }

        private var rest: Substring
        init(_ xml: String) { rest = xml[...] }

        mutating func next() -> Tag? {
            while let start = rest.firstIndex(of: "<") {
                rest = rest[start...]
                if rest.hasPrefix("<!--") {
                    skip(past: "-->")
                } else if rest.hasPrefix("<![CDATA[") {
                    skip(past: "]]>")
                } else if rest.hasPrefix("<?") || rest.hasPrefix("<!") {
                    skip(past: ">")
                } else {
                    return tag(at: start)
                }
            }
            return nil
        }

        private mutating func skip(past end: String) {
            rest = rest.firstRange(of: end).map { rest[$0.upperBound...] } ?? ""
        }

        private mutating func tag(at start: String.Index) -> Tag? {
            rest.removeFirst()
            let isEnd = rest.first == "/"
            if isEnd { rest.removeFirst() }
            var tag = Tag(name: take(while: Self.isOfName), attributes: [:], isEnd: isEnd, isWhole: false, start: start)
            while let sign = rest.first {
                switch sign {
                case ">":
                    rest.removeFirst()
                    return tag
                case "/":
                    rest.removeFirst()
                    tag.isWhole = rest.first == ">"
                case let sign where Self.isOfName(sign):
                    let name = take(while: Self.isOfName)
                    tag.attributes[name] = value()
                default: rest.removeFirst()
                }
            }
            // It is cut off.
            return nil
        }

        /// What follows `=`, in quotes; empty without it.
        private mutating func value() -> String {
            _ = take(while: \.isWhitespace)
            guard rest.first == "=" else { return "" }
            rest.removeFirst()
            _ = take(while: \.isWhitespace)
            guard let quote = rest.first, quote == "\"" || quote == "'" else { return "" }
            rest.removeFirst()
            let text = take { $0 != quote }
            rest = rest.dropFirst()
            return Self.plain(text)
        }

        /// A value as it is meant; what is no entity stays as it stands.
        private static func plain(_ text: String) -> String {
            var result = ""
            var rest = text[...]
            while let start = rest.firstIndex(of: "&") {
                result += rest[..<start]
                let behind = rest[rest.index(after: start)...]
                if let end = behind.firstIndex(of: ";"), let sign = XMLText.character(ofEntity: behind[..<end]) {
                    result.append(sign)
                    rest = behind[behind.index(after: end)...]
                } else {
                    result += "&"
                    rest = behind
                }
            }
            return result + rest
        }

        private mutating func take(while belongs: (Character) -> Bool) -> String {
            let taken = rest.prefix(while: belongs)
            rest = rest[taken.endIndex...]
            return String(taken)
        }

        private static func isOfName(_ sign: Character) -> Bool {
            sign.isLetter || sign.isNumber || sign == "_" || sign == "-" || sign == ":" || sign == "."
        }
    }
#endif
