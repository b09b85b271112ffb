import Foundation
import GleanerCore

/// Why one label cannot be taken; it goes on with "line 7 …".
struct LabelFault: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }

    static func reason(_ error: any Error) -> String {
        switch error {
        case let fault as LabelFault: fault.reason
        case let error as GleanerError: error.message
        default: "\(error)"
        }
    }
}

/// How the sample of a label is named in files that know only pictures.
enum SampleName {
    /// The id in a picture's path or URL: its file name without ending, and without the eight hexadecimal digits and
    /// dash that Label Studio puts before the names of uploads. The plain name when no id is in it.
    static func fromFile(_ path: String) -> String {
        // A path may be the query of a URL, and percent-encoded: `/data/local-files/?d=frames/<id>.png`.
        let separators: Set<Character> = ["/", "\\", "?", "=", "&"]
        let decoded = path.removingPercentEncoding ?? path
        let name = decoded.split(whereSeparator: separators.contains).last ?? ""
        let stem = name.lastIndex(of: ".").map { name[..<$0] } ?? name
        if SampleID(stem) != nil { return String(stem) }
        let withoutPrefix = stem.dropFirst(9)
        let hasPrefix = stem.prefix(9).last == "-" && stem.prefix(8).allSatisfy(\.isHexDigit)
        return hasPrefix && SampleID(withoutPrefix) != nil ? String(withoutPrefix) : String(stem)
    }
}

/// What every box of a label has to be. Whether it lies in its frame is checked by those who know the frame.
enum BoxCheck {
    /// How far outside of the frame, in pixels, a box may begin by rounding; it is then moved in.
    private static let slackPixels: Float = 1

    static func checked(_ box: Box) throws -> Box {
        let right = box.x + box.width
        let bottom = box.y + box.height
        guard box.x.isFinite, box.y.isFinite, right.isFinite, bottom.isFinite else {
            throw LabelFault("has a box that is not finite")
        }
        guard box.width > 0, box.height > 0 else { throw LabelFault("has a box without area: \(shown(box))") }
        guard box.x >= -slackPixels, box.y >= -slackPixels, right > 0, bottom > 0 else {
            throw LabelFault("has a box outside of its frame: \(shown(box))")
        }
        let x = max(0, box.x)
        let y = max(0, box.y)
        return Box(
            x: x, y: y, width: x == box.x ? box.width : right - x, height: y == box.y ? box.height : bottom - y)
    }

    static func checked(x: Double, y: Double, width: Double, height: Double) throws -> Box {
        try checked(Box(x: Float(x), y: Float(y), width: Float(width), height: Float(height)))
    }

    /// Moves a box into a frame of known size when it leaves it by rounding alone.
    static func fitted(_ box: Box, width: Int, height: Int) throws -> Box {
        let right = box.x + box.width
        let bottom = box.y + box.height
        guard right <= Float(width) + slackPixels, bottom <= Float(height) + slackPixels else {
            throw LabelFault("has a box outside of its frame of \(width)×\(height): \(shown(box))")
        }
        var fitted = box
        if right > Float(width) { fitted.width = Float(width) - box.x }
        if bottom > Float(height) { fitted.height = Float(height) - box.y }
        return try checked(fitted)
    }

    private static func shown(_ box: Box) -> String {
        "x \(box.x), y \(box.y), width \(box.width), height \(box.height)"
    }
}
