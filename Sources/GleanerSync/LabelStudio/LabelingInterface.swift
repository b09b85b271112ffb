#if Network
    import GleanerCore

    /// A project's labeling interface, as far as predictions have to fit it.
    struct LabelingInterface: Sendable {
        /// Something that annotators mark with.
        struct Control: Sendable {
            var kind: Kind
            /// The object that it marks.
            var target: String
            /// What can be chosen, as it stands in results.
            var values: Set<String>
            var allowsSeveral: Bool
            /// Where more values can be put; `nil` where there is no such place.
            fileprivate var end: String.Index?
        }

        /// The kinds that our predictions have.
        enum Kind: String, Sendable {
            case choices = "Choices"
            case rectangles = "RectangleLabels"

            /// What a value is called.
            var valueTag: String { self == .choices ? "Choice" : "Label" }
            /// What a result of this kind has as its type.
            var resultType: String { rawValue.lowercased() }
        }

        let xml: String
        /// By name.
        private(set) var controls: [String: Control] = [:]
        /// The object that shows a task's picture.
        private(set) var picture: String?

        init(_ xml: String) {
            self.xml = xml
            var open: (name: String, kind: Kind)?
            for tag in LabelingTags(xml) {
                if let (name, kind) = open, tag.name == kind.rawValue, tag.isEnd {
                    controls[name]?.end = tag.start
                    open = nil
                } else if let (name, kind) = open, tag.name == kind.valueTag, !tag.isEnd {
                    if let value = tag.attributes["alias"] ?? tag.attributes["value"] {
                        controls[name]?.values.insert(value)
                    }
                } else if let kind = Kind(rawValue: tag.name), !tag.isEnd, let name = tag.attributes["name"] {
                    controls[name] = Control(
                        kind: kind, target: tag.attributes["toName"] ?? "", values: [],
                        allowsSeveral: tag.attributes["choice"] == "multiple", end: nil)
                    open = tag.isWhole ? nil : (name, kind)
                } else if tag.name == "Image", !tag.isEnd, tag.attributes["value"] == "$image" {
                    picture = picture ?? tag.attributes["name"]
                }
            }
        }

        /// Whether it is one of those that new projects have: nobody made it.
        var isEmpty: Bool { picture == nil && controls.isEmpty && LabelingTags(xml).allSatisfy { $0.name == "View" } }

        /// The interface with all that another one needs: classes that are missing are added at the end of theirs.
        ///
        /// Only the other's controls for `names` are needed: people may remove what no prediction uses.
        ///
        /// - Returns: its XML; `nil` when nothing is missing.
        /// - Throws: ``GleanerError`` with code `destination.rejected` when it is made for something else.
        func extended(for other: LabelingInterface, controls names: Set<String>, place: String) throws -> String? {
            if isEmpty { return other.xml }
            func unfit(_ what: String) -> GleanerError {
                GleanerError(
                    .destinationRejected, "the labeling interface of \(place) \(what)",
                    remedy: "name another project, which is then made, or paste the batch's label-studio-config.xml")
            }
            guard picture == other.picture else { throw unfit("has no Image named 'image' with the value '$image'") }
            var additions: [(at: String.Index, text: String)] = []
            for name in names.sorted() {
                guard let needed = other.controls[name] else { continue }
                guard let control = controls[name], control.kind == needed.kind, control.target == needed.target else {
                    throw unfit("has no \(needed.kind.rawValue) named '\(name)' for '\(needed.target)'")
                }
                guard control.allowsSeveral || !needed.allowsSeveral || needed.values.count < 2 else {
                    throw unfit("allows one choice in '\(name)', and frames may have several classes")
                }
                let missing = needed.values.subtracting(control.values).sorted()
                if missing.isEmpty { continue }
                guard let end = control.end else { throw unfit("has no place for the class '\(missing[0])'") }
                additions.append((end, missing.map { Self.line(control.kind, $0) }.joined()))
            }
            return additions.isEmpty ? nil : inserting(additions)
        }

        private static func line(_ kind: Kind, _ value: String) -> String {
            "  <\(kind.valueTag) value=\"\(XMLText.escaped(value))\"/>\n  "
        }

        private func inserting(_ additions: [(at: String.Index, text: String)]) -> String {
            var result = xml
            for addition in additions.sorted(by: { $0.at > $1.at }) {
                result.insert(contentsOf: addition.text, at: addition.at)
            }
            return result
        }
    }
#endif
