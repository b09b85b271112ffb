public import GleanerCore

/// A grid of frames with what was predicted and decided drawn on, for people to look over.
///
/// Tiles are drawn as they are added, so the frames need not be in memory together.
public struct ContactSheet: Sendable {
    /// One frame of the sheet.
    public struct Tile: Sendable {
        public var pixels: PixelBuffer
        public var marks: [Mark]
        /// Lines below the frame, the first one brighter; those that do not fit are shortened.
        public var captions: [String]
        public init(pixels: PixelBuffer, marks: [Mark] = [], captions: [String]) {
            self.pixels = pixels
            self.marks = marks
            self.captions = captions
        }
    }

    /// A box to draw on a frame.
    public struct Mark: Hashable, Sendable {
        /// In pixels of the frame.
        public var box: Box
        /// The class; every class has its colour.
        public var label: String
        public var score: Float?
        public init(box: Box, label: String, score: Float? = nil) {
            self.box = box
            self.label = label
            self.score = score
        }
    }

    /// More tiles than this are not drawn: the sheet would pass the sizes that viewers open.
    public static let tileCountMax = 500

    private let columnCount: Int
    private let captionLineCount: Int
    private var canvas: Canvas
    private var tileCount = 0
    private let tileCapacity: Int
    private var classColors: [String: Color] = [:]

    /// An empty sheet with room for `tileCount` tiles, at most ``tileCountMax``.
    public init(tileCount: Int, captionLineCount: Int = 2) {
        tileCapacity = min(max(tileCount, 1), Self.tileCountMax)
        // About as wide as a screen is, up to eight columns.
        columnCount = min(8, tileCapacity, max(1, Int((Double(tileCapacity) * 1.5).squareRoot().rounded(.up))))
        self.captionLineCount = max(0, captionLineCount)
        let rowCount = (tileCapacity + columnCount - 1) / columnCount
        let cardHeight = Layout.cardHeight(captionLineCount: self.captionLineCount)
        canvas = Canvas(
            width: 2 * Layout.margin + columnCount * (Layout.cardWidth + Layout.gap) - Layout.gap,
            height: 2 * Layout.margin + rowCount * (cardHeight + Layout.gap) - Layout.gap,
            background: Layout.background)
    }

    /// The sheet as drawn so far.
    public var pixels: PixelBuffer { canvas.pixels }

    /// Draws all the tiles on one sheet.
    public static func draw(_ tiles: [Tile]) -> PixelBuffer {
        var sheet = ContactSheet(tileCount: tiles.count, captionLineCount: tiles.map(\.captions.count).max() ?? 0)
        for tile in tiles { sheet.append(tile) }
        return sheet.pixels
    }

    /// Draws the next tile; one beyond the sheet's room is left out.
    public mutating func append(_ tile: Tile) {
        guard tileCount < tileCapacity else { return }
        let cardHeight = Layout.cardHeight(captionLineCount: captionLineCount)
        let card = PixelRect(
            x: Layout.margin + tileCount % columnCount * (Layout.cardWidth + Layout.gap),
            y: Layout.margin + tileCount / columnCount * (cardHeight + Layout.gap),
            width: Layout.cardWidth, height: cardHeight)
        tileCount += 1
        canvas.fill(card, Layout.card)
        let area = PixelRect(
            x: card.x + Layout.padding, y: card.y + Layout.padding, width: Layout.frameWidth,
            height: Layout.frameHeight)
        canvas.fill(area, Layout.frameBackground)
        if tile.pixels.width > 0, tile.pixels.height > 0 { drawFrame(tile, in: area) }
        drawCaptions(tile.captions, below: area)
    }

    private mutating func drawFrame(_ tile: Tile, in area: PixelRect) {
        let place = Layout.place(width: tile.pixels.width, height: tile.pixels.height, in: area)
        canvas.draw(tile.pixels, in: place)
        let outlines = tile.marks.compactMap { mark in outline(mark, tile.pixels, place).map { (mark, $0) } }
        for (mark, rect) in outlines {
            canvas.stroke(rect.inset(by: -1), .gray(0), thickness: 1)
            canvas.stroke(rect, color(of: mark.label), thickness: 2)
        }
        // Plates last, so that no other box crosses their text; the best score on top.
        for (mark, rect) in outlines.reversed() { drawPlate(mark, rect, in: place) }
    }

    private func outline(_ mark: Mark, _ frame: PixelBuffer, _ place: PixelRect) -> PixelRect? {
        let box = mark.box
        guard box.x.isFinite, box.y.isFinite, box.width.isFinite, box.height.isFinite else { return nil }
        let scaleX = Float(place.width) / Float(frame.width)
        let scaleY = Float(place.height) / Float(frame.height)
        func column(_ x: Float) -> Int { Int((min(max(x, 0), Float(frame.width)) * scaleX).rounded()) }
        func row(_ y: Float) -> Int { Int((min(max(y, 0), Float(frame.height)) * scaleY).rounded()) }
        let (left, top) = (column(box.x), row(box.y))
        return PixelRect(
            x: place.x + left, y: place.y + top, width: max(3, column(box.x + box.width) - left),
            height: max(3, row(box.y + box.height) - top))
    }

    private mutating func drawPlate(_ mark: Mark, _ rect: PixelRect, in place: PixelRect) {
        let text = mark.score.map { "\(mark.label) \(Self.twoDigits($0))" } ?? mark.label
        let width = BitmapFont.width(of: text) + 5
        let height = BitmapFont.glyphHeight + BitmapFont.descent + 3
        let x = max(place.x, min(rect.x, place.x + place.width - width))
        let y = rect.y - height < place.y ? rect.y : rect.y - height
        let color = color(of: mark.label)
        canvas.fill(PixelRect(x: x, y: y, width: width, height: height), color)
        canvas.text(text, x: x + 3, y: y + 2, scale: 1, color.contrast)
    }

    private mutating func drawCaptions(_ captions: [String], below area: PixelRect) {
        for (line, caption) in captions.prefix(captionLineCount).enumerated() {
            canvas.text(
                Layout.shortened(caption), x: area.x + 2,
                y: area.y + area.height + Layout.padding + line * Layout.lineHeight, scale: Layout.captionScale,
                line == 0 ? Layout.caption : Layout.dimCaption)
        }
    }

    /// A class keeps the colour that it got when the sheet first showed it.
    private mutating func color(of label: String) -> Color {
        if let color = classColors[label] { return color }
        let color = Layout.palette[classColors.count % Layout.palette.count]
        classColors[label] = color
        return color
    }

    /// `0.07` for 0.0712.
    static func twoDigits(_ score: Float) -> String {
        guard score.isFinite, abs(score) < 1000 else { return "?" }
        let hundredths = Int((abs(score) * 100).rounded())
        let rest = hundredths % 100
        return "\(score < 0 ? "-" : "")\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}

/// Sizes in pixels, and colours.
private enum Layout {
    static let margin = 16
    static let gap = 12
    static let padding = 8
    static let frameWidth = 256
    static let frameHeight = 192
    static let cardWidth = frameWidth + 2 * padding
    static let captionScale = 2
    static let lineHeight = 20

    static let background = Color(22, 24, 28)
    static let card = Color(37, 40, 46)
    static let frameBackground = Color(16, 17, 20)
    static let caption = Color(236, 239, 244)
    static let dimCaption = Color(158, 166, 178)
    /// Twelve hues far from each other, bright enough for dark pictures.
    static let palette = [
        Color(255, 200, 0), Color(0, 190, 255), Color(255, 95, 85), Color(90, 220, 100), Color(225, 110, 255),
        Color(255, 145, 30), Color(60, 230, 200), Color(255, 130, 185), Color(130, 150, 255), Color(190, 230, 50),
        Color(205, 160, 115), Color(235, 235, 235),
    ]

    static func cardHeight(captionLineCount: Int) -> Int {
        let captions = captionLineCount == 0 ? 0 : padding + captionLineCount * lineHeight - 6
        return frameHeight + 2 * padding + captions
    }

    /// Where a frame goes: as large as fits, and by a whole number if enlarged so much that its pixels show.
    static func place(width: Int, height: Int, in area: PixelRect) -> PixelRect {
        let ratio = min(Double(area.width) / Double(width), Double(area.height) / Double(height))
        let scale = ratio >= 2 ? ratio.rounded(.down) : ratio
        let placedWidth = min(area.width, max(1, Int((Double(width) * scale).rounded())))
        let placedHeight = min(area.height, max(1, Int((Double(height) * scale).rounded())))
        return PixelRect(
            x: area.x + (area.width - placedWidth) / 2, y: area.y + (area.height - placedHeight) / 2,
            width: placedWidth, height: placedHeight)
    }

    static func shortened(_ text: String) -> String {
        let countMax = (frameWidth - 4) / (BitmapFont.advance * captionScale)
        return text.unicodeScalars.count <= countMax ? text : String(text.prefix(countMax - 2)) + ".."
    }
}
