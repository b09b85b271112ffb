public import Foundation
public import GleanerCore

/// Reads `model.json` strictly: every key is known, every value can be used.
public enum ModelManifestReader {
    public static let labelCountMax = 10_000
    public static let labelByteCountMax = 200
    private static let depthMax = 8
    /// The first size that a tar cannot hold.
    private static let byteCountEnd = 1 << 33
    private static let textByteCountMax = 2_000

    /// Reads the manifest of a bundle's folder.
    ///
    /// - Throws: ``GleanerError`` with code `bundle.manifest` for the first problem, saying how many more there are.
    public static func read(folder: String) throws -> ModelManifest {
        let path = "\(folder)/\(ModelManifest.fileName)"
        return try read(try FileReading.bytes(of: path, byteCountMax: ModelManifest.byteCountMax))
    }

    /// Reads a manifest from its text.
    public static func read(_ data: Data) throws -> ModelManifest {
        do {
            guard data.count <= ModelManifest.byteCountMax else {
                throw GleanerError(.malformed, "it has more than \(ByteCount.format(ModelManifest.byteCountMax))")
            }
            guard depth(of: data) <= depthMax else {
                throw GleanerError(.malformed, "it is nested deeper than \(depthMax)")
            }
            let value: JSONValue = try CanonicalJSON.decode(from: data, named: "it")
            let problems = ProblemList()
            checkKeys(value, problems)
            try problems.throwFirst()
            // Read from what was checked, not from the text: of a key that is there twice only one was seen.
            let manifest: ModelManifest = try CanonicalJSON.decode(from: CanonicalJSON.encode(value), named: "it")
            checkValues(manifest, problems)
            try problems.throwFirst()
            return manifest
        } catch let error as GleanerError where error.code == .malformed {
            throw GleanerError(.bundleManifest, "\(ModelManifest.fileName): \(error.message)", remedy: error.remedy)
        }
    }

    /// Keys of a manifest and of its input, for the check against typing errors. A decoder's options are its own.
    static let keys = [
        "schema", "name", "version", "task", "file", "bytes", "sha256", "labels", "input", "decoder", "embedding",
        "difficulty", "trained_on", "trained_on_test", "licence", "origin",
    ]
    static let inputKeys = [
        "name", "width", "height", "layout", "type", "color", "scale", "mean", "std", "fit", "filter", "pad_value",
    ]

    /// Keys, and the numbers whose faults the decoder cannot name.
    private static func checkKeys(_ value: JSONValue, _ problems: ProblemList) {
        let root = OptionReader(value, path: "", problems: problems)
        _ = root.integer("version", in: 1...1_000_000_000)
        _ = root.integer("bytes", in: 1...(byteCountEnd - 1))
        for key in keys where !["version", "bytes", "input"].contains(key) { _ = root.value(key) }
        let input = root.section("input")
        for key in ["width", "height"] { _ = input.integer(key, in: 1...8192) }
        _ = input.integer("pad_value", in: 0...255)
        for key in ["scale", "mean", "std"] { checkFloats(input.value(key), "input.\(key)", problems) }
        for key in inputKeys { _ = input.value(key) }
        root.finish()
        input.finish()
    }

    private static func checkFloats(_ value: JSONValue?, _ path: String, _ problems: ProblemList) {
        switch value {
        case .array(let values)?: for value in values { checkFloats(value, path, problems) }
        case .number(let number)? where !Float(number).isFinite || Float(number) == 0 && number != 0:
            problems.add(path, "must be a 32-bit number, not \(number)", remedy: "take it from the training code")
        default: break
        }
    }

    private static func checkValues(_ manifest: ModelManifest, _ problems: ProblemList) {
        func require(_ isRight: Bool, _ path: String, _ message: @autoclosure () -> String, _ remedy: String) {
            if !isRight { problems.add(path, message(), remedy: remedy) }
        }
        require(
            manifest.schema == ModelManifest.currentSchema, "schema",
            "must be \(ModelManifest.currentSchema), not '\(manifest.schema.prefix(60))'",
            "update Gleaner, or pack the bundle again")
        require(
            isName(manifest.name), "name", "must be 1 to 64 of a-z, 0-9, dot, underscore and dash",
            "such as meter-digits")
        require(
            BundleName.isPlain(manifest.file)
                && ![ModelManifest.fileName, BundleSignature.fileName].contains(manifest.file), "file",
            "must be the plain name of a file beside model.json", "such as model.onnx")
        require(
            manifest.decoder.name.utf8.count <= 100 && !manifest.decoder.name.isEmpty, "decoder.name",
            "must name a decoder", "`gleaner components` lists them")
        let texts = [("licence", manifest.licence), ("origin", manifest.origin)]
        for (path, text) in texts {
            require(text?.utf8.count ?? 0 <= textByteCountMax, path, "is too long", "shorten it")
        }
        if let tensor = manifest.embedding {
            require(
                !tensor.isEmpty && tensor.utf8.count <= labelByteCountMax, "embedding",
                "must have 1 to \(labelByteCountMax) bytes", "`gleaner model inspect` lists what fits")
        }
        let batches = manifest.trainedOn ?? []
        require(
            batches.count <= 100_000 && batches.allSatisfy { $0.utf8.count <= 200 }, "trained_on", "is too long",
            "list the ids of batches")
        for (label, weight) in (manifest.difficulty ?? [:]).sorted(by: { $0.key < $1.key }) {
            require(
                manifest.labels.contains(label), "difficulty.\(label.prefix(60))", "is none of the labels",
                "write the class as `labels` does")
            require(
                (0.01...100).contains(weight), "difficulty.\(label.prefix(60))", "must be 0.01 to 100, not \(weight)",
                "1 is as hard as any other")
        }
        checkLabels(manifest.labels, problems)
        checkInput(manifest.input, problems)
    }

    private static func checkLabels(_ labels: [String], _ problems: ProblemList) {
        if !(1...labelCountMax).contains(labels.count) {
            let remedy = "name each output of the model, in order"
            return problems.add("labels", "must be 1 to \(labelCountMax) names, not \(labels.count)", remedy: remedy)
        }
        var seen: Set<String> = []
        for (index, label) in labels.enumerated() {
            let fault =
                if label.isEmpty || label.utf8.count > labelByteCountMax {
                    "must have 1 to \(labelByteCountMax) bytes"
                } else if label.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
                    "must have no control characters"
                } else if label == Unusable.name {
                    "is the word for frames that teach nothing"
                } else if !seen.insert(label).inserted {
                    "is there twice"
                } else {
                    String?.none
                }
            if let fault { problems.add("labels[\(index)]", fault, remedy: "rename that class") }
        }
    }

    private static func checkInput(_ input: InputSpec, _ problems: ProblemList) {
        let remedy = "take it from the training code"
        if let name = input.name, name.isEmpty || name.utf8.count > labelByteCountMax {
            problems.add("input.name", "must have 1 to \(labelByteCountMax) bytes", remedy: "leave it out")
        }
        for (path, values) in [("input.mean", input.mean), ("input.std", input.std)] {
            if values.count != 1, values.count != input.channelCount {
                let message = "must have 1 or \(input.channelCount) numbers, not \(values.count)"
                problems.add(path, message, remedy: remedy)
            }
        }
        if input.std.contains(0) { problems.add("input.std", "must not be 0", remedy: remedy) }
        if input.scale == 0 { problems.add("input.scale", "must not be 0", remedy: remedy) }
    }

    /// Part of folder names, so nothing hidden and nothing that could be an option.
    private static func isName(_ name: String) -> Bool {
        BundleName.isPlain(name) && name.utf8.count <= 64 && name.first != "." && name == name.lowercased()
    }

    /// How deep brackets nest outside of strings: decoding takes time that grows with the square of it.
    private static func depth(of data: Data) -> Int {
        var depth = 0
        var deepest = 0
        var inString = false
        var escaped = false
        for byte in data {
            if inString {
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
            } else if byte == UInt8(ascii: "\"") {
                inString = true
            } else if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") {
                depth += 1
                deepest = max(deepest, depth)
            } else if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") {
                depth -= 1
            }
        }
        return deepest
    }
}
