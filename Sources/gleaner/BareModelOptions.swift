public import ArgumentParser
import Foundation
public import GleanerCore

/// What a person says of a model that comes without a manifest.
struct BareModelOptions: ParsableArguments {
    @Option(help: "The name that its versions share. Default: the file's.") var name: String?
    @Option(help: "Its version. Default: one more than the newest of its name.") var version: Int?
    @Option(help: "The classes in the model's order: a file with one on each line, or a list such as cat,dog.")
    var labels: String?
    @Option(help: "Width and height of the input, such as 640x480, where the model takes any.") var size: String?
    @Option(help: "Order of the colour channels: RGB or BGR.") var color: InputSpec.Color?
    @Option(help: "What a channel's 0 to 255 is multiplied with first, such as 0.00392157.") var scale: Float?
    @Option(help: "What is then subtracted: one number, or one for each channel, such as 0.485,0.456,0.406.")
    var mean: String?
    @Option(help: "What it is then divided by: one number, or one for each channel.") var std: String?
    @Option(help: "How a frame of another shape fits: stretch, letterbox or crop.") var fit: InputSpec.Fit?
    @Option(help: "What reads the outputs; `gleaner components` lists them.") var decoder: String?
    @Option(help: ArgumentHelp("An option of the decoder; may be given more than once.", valueName: "key=value"))
    var decoderOption: [String] = []

    func description() throws -> ModelDescription {
        var description = ModelDescription()
        (description.name, description.version, description.decoder) = (name, version, decoder)
        (description.color, description.scale, description.fit) = (color, scale, fit)
        description.labels = try labels.map(Self.labels)
        description.mean = try mean.map { try Self.numbers($0, "--mean") }
        description.std = try std.map { try Self.numbers($0, "--std") }
        if let size { (description.width, description.height) = try Self.size(size) }
        for option in decoderOption {
            let (key, value) = try OptionPair.json(option, of: "--decoder-option")
            description.decoderOptions[key] = value
        }
        return description
    }

    /// A file's lines where there is a file, else what stands between commas.
    private static func labels(_ text: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: text) else {
            return text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        let bytes = try FileReading.bytes(of: text, byteCountMax: 16 << 20)
        guard let lines = String(data: bytes, encoding: .utf8) else {
            throw GleanerError(.malformed, "\(text) is not UTF-8", remedy: "save it as UTF-8, one name on each line")
        }
        return lines.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
    }

    private static func numbers(_ text: String, _ option: String) throws -> [Float] {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Float($0.trimmingCharacters(in: .whitespaces)) }
        guard numbers.count == parts.count, numbers.allSatisfy(\.isFinite) else {
            throw ValidationError("\(option) takes numbers such as 0.5 or 0.485,0.456,0.406, not '\(text)'")
        }
        return numbers
    }

    private static func size(_ text: String) throws -> (width: Int, height: Int) {
        let sides = text.lowercased().split(separator: "x").compactMap { Int($0) }
        guard sides.count == 2, sides.allSatisfy({ (1...8192).contains($0) }) else {
            throw ValidationError("--size takes width x height, such as 640x480, not '\(text)'")
        }
        return (sides[0], sides[1])
    }
}

extension InputSpec.Color: ExpressibleByArgument {}
extension InputSpec.Fit: ExpressibleByArgument {}
