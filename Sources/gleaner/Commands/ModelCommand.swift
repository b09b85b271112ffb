import ArgumentParser
import GleanerCore
import GleanerRuntime

/// Brings models in and says which one serves.
struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Bring models in, and choose the one that serves.",
        subcommands: [
            Import.self, List.self, ModelShowCommand.self, Activate.self, RollBack.self, Verify.self, Inspect.self,
            Pack.self, KeyGen.self, Sign.self,
        ])

    /// Says what nobody said of a model.
    static func tellAssumptions(of report: ModelImportReport) {
        for each in report.assumptions ?? [] {
            Terminal.note("assumed: \(each.what) \(each.value) (\(each.reason); otherwise: \(each.option))")
        }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a model, copy it in and make it the active one.",
            discussion: """
                A bundle is a folder, or an uncompressed tar, with model.json and the model. An ONNX file without one \
                is read too: what it does not say of itself is assumed, and told with the option that says otherwise. \
                A running collector swaps to the new model between two frames.

                EXAMPLES
                  gleaner model import /media/stick/meter-2.tar
                  gleaner model import yolo11n.onnx
                  gleaner model import mynet.onnx --labels cat,dog --color BGR
                """)

        @OptionGroup var options: DeploymentOptions
        @Argument(help: "The bundle, or an ONNX file.") var path: String
        @Flag(help: "Keep it staged; activate it later with model activate.") var stage = false
        @Flag(help: "Take it whatever this device's labels say of it.") var accept = false
        @Flag(help: "Try it again although it failed while it served.") var retry = false
        @Flag(help: "Take it although a newer version served here.") var allowDowngrade = false
        @OptionGroup(title: "Of an ONNX file without model.json") var bare: BareModelOptions

        func run() throws {
            let description = try bare.description()
            var wishes = ModelImportWishes()
            (wishes.activates, wishes.accepts) = (!stage, accept)
            (wishes.retries, wishes.allowsDowngrade) = (retry, allowDowngrade)
            let report = try options.open().importModel(at: path, as: description, wishes: wishes)
            ModelCommand.tellAssumptions(of: report)
            try options.print(report) {
                let name = "\(report.model.name)@\(report.model.version)"
                // The first model has nothing to be compared with, and that needs no words.
                let compared = report.verdict?.gate.flatMap { $0.outcome == .alone ? nil : $0 }
                let gate = compared.map { "\nCompared on labels: \($0.message)." } ?? ""
                switch report.state {
                case "active":
                    let before = report.previous.map { "\($0)" == name ? " already" : "; before it \($0)" }
                    return "\(name) is active" + (before ?? "") + ".\(gate)"
                case "shadow": return "\(name) is asked about live frames before it serves.\(gate)"
                default: return "\(name) is staged. Activate it with: gleaner model activate \(name)\(gate)"
                }
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List every model, newest first.")
        @OptionGroup var options: DeploymentOptions
        private struct Document: Encodable { var models: [ModelLine] }

        func run() throws {
            let models = try options.open().models()
            try options.print(Document(models: models)) {
                guard !models.isEmpty else { return "No models yet. Bring one in with: gleaner model import BUNDLE" }
                return Terminal.table(
                    models.map {
                        [
                            "\($0.model.name)@\($0.model.version)",
                            $0.state == "active" && $0.stage == "probation" ? "active, in probation" : $0.state,
                            "\($0.labels.count) classes",
                            $0.reason ?? "",
                        ]
                    })
            }
        }
    }

    struct Activate: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a model that is here the active one.")
        @OptionGroup var options: DeploymentOptions
        @Argument(help: "name@version, or a name for its newest version.") var model: String

        func run() throws {
            let id = try options.open().activateModel(model)
            try options.print(SampleRecord.ModelReference(id)) { "\(id) is active." }
        }
    }

    struct RollBack: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rollback", abstract: "Go back to the model that served before.")
        @OptionGroup var options: DeploymentOptions

        func run() throws {
            let id = try options.open().rollBackModel()
            try options.print(SampleRecord.ModelReference(id)) { "Back on \(id)." }
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a model as an import would, and change nothing.")
        @OptionGroup var options: DeploymentOptions
        @Argument(help: "The bundle, or an ONNX file.") var path: String
        @Option(
            help: ArgumentHelp(
                "A key that must have signed it, as ed25519:… or a .pub file; one of several. Default: the deployment's.",
                valueName: "key"))
        var trust: [String] = []

        func run() throws {
            let keys = trust.isEmpty ? nil : try trust.map { try ModelSigning.verifyingKey($0) }
            let found = try options.open().verifyModel(at: path, trusting: keys)
            try options.print(found) {
                "\(found.manifest.id) is sound: \(found.manifest.labels.count) classes, \(Self.signers(found))."
            }
        }

        private static func signers(_ found: ModelVerification) -> String {
            guard !found.signedBy.isEmpty else { return "not signed" }
            let keys = found.signedBy.map(\.description).joined(separator: ", ")
            return "signed by \(keys)" + (found.vouchedBy.map { "; trusted: \($0)" } ?? "; no key is trusted here")
        }
    }

    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show an ONNX file's inputs, outputs, notes, and the tensors that embeddings can be made of.",
            discussion: """
                The first of these tensors is taken by itself; name another one as `embedding` in model.json.

                EXAMPLE
                  gleaner model inspect model.onnx
                """)

        @Argument(help: "The ONNX file.") var model: String
        @Flag(help: "Print one JSON document for scripts.") var json = false

        func run() throws {
            let file = try ModelFile.inspect(model)
            var options = DeploymentOptions()
            options.json = json
            try options.print(file) {
                let rows =
                    file.inputs.map { ["input", $0.name, Self.text($0)] }
                    + file.outputs.map { ["output", $0.name, Self.text($0)] }
                    + file.metadata.sorted { $0.key < $1.key }.map { ["note", $0.key, String($0.value.prefix(100))] }
                    + file.features.map { ["feature", $0.tensor, $0.reason] }
                return Terminal.table(rows)
            }
        }

        private static func text(_ tensor: ModelFile.Tensor) -> String {
            let shape = tensor.shape.map { $0.map(String.init) ?? "?" }.joined(separator: ", ")
            return "\(tensor.type ?? "no tensor") [\(shape)]"
        }
    }

    struct Pack: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a bundle of a model file and its description.",
            discussion: """
                The description is a model.json; file, bytes and sha256 are filled in. Examples/retrain/pack_model.py \
                does the same without Gleaner at hand.

                EXAMPLE
                  gleaner model pack model.onnx --manifest model.json --to meter-2.tar
                """)

        @Argument(help: "The ONNX file.") var model: String
        @Option(help: "A model.json that describes it.") var manifest: String
        @Option(name: .customLong("to"), help: "The bundle: a name ending in .tar, or a folder.") var target: String
        @Option(help: "A private key that signs it; see gleaner model keygen.") var key: String?
        @Option(help: Expiry.help) var expires: Expiry?
        @Flag(help: "Print one JSON document for scripts.") var json = false

        func validate() throws {
            if expires != nil, key == nil { throw ValidationError("--expires needs --key: only a signature ends") }
        }

        func run() throws {
            let packed = try ModelPacking.pack(
                model: model, description: manifest, to: target, signedBy: try key.map { try SigningKey(ofFile: $0) },
                expires: expires?.timestamp)
            var options = DeploymentOptions()
            options.json = json
            try options.print(packed) { "\(target): \(packed.id), \(ByteCount.format(packed.bytes))" }
        }
    }
}
