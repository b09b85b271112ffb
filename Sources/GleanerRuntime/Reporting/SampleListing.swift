import Foundation
public import GleanerCore
import GleanerImaging
import GleanerStore

/// A line of `sample list`, and the document of `sample show`.
public struct SampleLine: Sendable, Codable {
    public var short: String
    public var state: String
    public var pixels: String
    public var kept: Bool
    public var label: String?
    public var sample: SampleRecord

    init(_ stored: StoredSample) {
        short = stored.record.id.short
        state = stored.labelState.rawValue
        pixels = stored.pixels.rawValue
        kept = stored.isKept
        sample = stored.record
        label = stored.record.label?.value.inShort
    }
}

extension LabelValue {
    /// For a line of text.
    var inShort: String {
        switch self {
        case .classified(let name): name
        case .classes(let names): names.isEmpty ? "no class" : names.joined(separator: ", ")
        case .boxes(let boxes): "\(boxes.count) boxes"
        case .unusable: "unusable"
        }
    }
}

extension Deployment {
    public func samples(limit: Int, byUtility: Bool) throws -> [SampleLine] {
        try store.samples(order: byUtility ? .utility : .newest, limit: limit).samples.map { SampleLine($0) }
    }

    public func sample(_ reference: String) throws -> SampleLine { SampleLine(try store.sample(reference)) }

    /// Locks a sample against eviction.
    public func keepSample(_ reference: String) throws -> SampleLine {
        try store.setKept(try store.sample(reference).record.id, true)
        return try sample(reference)
    }

    /// Deletes a sample's pixels; its record and its label stay.
    public func dropSample(_ reference: String) throws -> SampleLine {
        try store.drop(try store.sample(reference).record.id, reason: "operator")
        return try sample(reference)
    }

    /// Draws kept frames with prediction, utility and reason.
    ///
    /// - Returns: how many are on it.
    /// - Throws: ``GleanerError`` when there is nothing to draw or the file cannot be written.
    public func drawSheet(to path: String, limit: Int, byUtility: Bool) throws -> Int {
        var decoder = PictureDecoder()
        var tiles: [ContactSheet.Tile] = []
        let filter = SampleFilter(pixels: .present)
        for stored in try store.samples(filter: filter, order: byUtility ? .utility : .newest, limit: limit).samples {
            var pixels = PixelBuffer()
            let bytes = try store.picture(of: stored.record.id)
            _ = try bytes.withUnsafeBytes { try decoder.decode($0, into: &pixels) }
            tiles.append(Self.tile(stored, pixels))
        }
        guard !tiles.isEmpty else {
            throw GleanerError(.notFound, "there are no kept frames to draw", remedy: "collect first: gleaner run")
        }
        let sheet = try PNGEncoder.encode(ContactSheet.draw(tiles))
        try DurableFile.write(Data(sheet), to: path)
        return tiles.count
    }

    private static func tile(_ stored: StoredSample, _ pixels: PixelBuffer) -> ContactSheet.Tile {
        let record = stored.record
        let marks = record.prediction.confidentBoxes.map {
            ContactSheet.Mark(box: $0.box, label: $0.label, score: $0.score)
        }
        let classes = (record.prediction.classes ?? []).prefix(2).map { "\($0.label) \(twoDigits(Double($0.score)))" }
        let said = classes.isEmpty ? "\(marks.count) boxes" : classes.joined(separator: "  ")
        var captions = ["\(record.id.short)  \(record.reason) \(twoDigits(record.utility))", said]
        switch record.label?.value {
        case .classified(let name)?: captions.append("label \(name)")
        case .classes(let names)?:
            captions.append("label \(names.isEmpty ? "no class" : names.joined(separator: ", "))")
        default: break
        }
        return ContactSheet.Tile(pixels: pixels, marks: marks, captions: captions)
    }

    private static func twoDigits(_ value: Double) -> String { String(format: "%.2f", value) }
}
