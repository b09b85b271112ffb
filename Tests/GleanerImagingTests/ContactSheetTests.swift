import GleanerCore
import GleanerImaging
import Testing

@Suite struct ContactSheetTests {
    func pixel(_ sheet: PixelBuffer, _ x: Int, _ y: Int) -> [UInt8] {
        Array(sheet.levels[((y * sheet.width + x) * 3)..<((y * sheet.width + x) * 3 + 3)])
    }

    func colors(_ sheet: PixelBuffer) -> Set<[UInt8]> {
        let levels = sheet.levels
        return Set(stride(from: 0, to: levels.count, by: 3).map { Array(levels[$0..<$0 + 3]) })
    }

    @Test func aSmallFrameIsEnlargedWithSharpPixels() {
        let frame = PixelBuffer(width: 2, height: 2) { x, y, _ in x == y ? 255 : 1 }
        let sheet = ContactSheet.draw([.init(pixels: frame, captions: [])])
        let levels = sheet.levels
        // 2 × 2 pixels in a place of 256 × 192: enlarged 96 times, two of them white.
        #expect(levels.filter { $0 == 255 }.count == 2 * 96 * 96 * 3)
        #expect(levels.filter { $0 == 1 }.count == 2 * 96 * 96 * 3)
    }

    @Test func tilesFillRowsFromTheLeft() {
        let white = PixelBuffer(width: 256, height: 192) { _, _, _ in 255 }
        let one = ContactSheet.draw([.init(pixels: white, captions: [])])
        let six = ContactSheet.draw(Array(repeating: .init(pixels: white, captions: []), count: 6))
        #expect(six.width > 2 * one.width - 32 && six.height > one.height)
        #expect(pixel(one, 16 + 8, 16 + 8) == [255, 255, 255])
        #expect(pixel(six, 16 + 8, 16 + 8) == [255, 255, 255])
    }

    @Test func everyClassHasItsColor() {
        let black = PixelBuffer(width: 64, height: 48)
        let box = Box(x: 10, y: 10, width: 20, height: 20)
        func drawn(_ labels: [String]) -> Set<[UInt8]> {
            colors(
                ContactSheet.draw([
                    .init(pixels: black, marks: labels.map { .init(box: box, label: $0, score: 0.5) }, captions: [])
                ]))
        }
        #expect(drawn(["apple"]) == drawn(["apple", "apple"]))
        #expect(drawn(["apple", "pear"]).count > drawn(["apple"]).count)
    }

    @Test func captionsAreDrawnAndLongOnesAreShortened() {
        let frame = PixelBuffer(width: 4, height: 4)
        let long = String(repeating: "W", count: 400)
        let short = ContactSheet.draw([.init(pixels: frame, captions: ["3-42  5? 0.31"])])
        let shortened = ContactSheet.draw([.init(pixels: frame, captions: [long])])
        #expect(short.width == shortened.width)
        #expect(colors(short).count > colors(ContactSheet.draw([.init(pixels: frame, captions: [""])])).count)
        // Nothing is drawn on the margin at the right.
        #expect(
            (0..<shortened.height).allSatisfy { pixel(shortened, shortened.width - 16, $0) == pixel(shortened, 0, 0) })
    }

    @Test(arguments: [
        Box(x: .nan, y: 0, width: 1, height: 1), Box(x: 0, y: 0, width: .infinity, height: 1),
        Box(x: -1e30, y: -1e30, width: 3e30, height: 3e30), Box(x: 900, y: 900, width: 1, height: 1),
        Box(x: 5, y: 5, width: -3, height: -3),
    ])
    func aNonsenseBoxNeverTraps(box: Box) {
        let tile = ContactSheet.Tile(
            pixels: PixelBuffer(width: 16, height: 16), marks: [.init(box: box, label: "ä ☃", score: .nan)],
            captions: ["é", "ok"])
        #expect(ContactSheet.draw([tile]).width > 0)
    }

    @Test func aSheetWithoutTilesOrWithEmptyFramesIsDrawn() {
        #expect(ContactSheet.draw([]).width > 0)
        #expect(ContactSheet.draw([.init(pixels: PixelBuffer(), captions: ["gone"])]).width > 0)
    }

    @Test func tilesBeyondTheRoomAreLeftOut() {
        var sheet = ContactSheet(tileCount: 1)
        sheet.append(.init(pixels: PixelBuffer(width: 4, height: 4), captions: ["a"]))
        let before = sheet.pixels.levels
        sheet.append(.init(pixels: PixelBuffer(width: 4, height: 4), captions: ["b"]))
        #expect(sheet.pixels.levels == before)
    }
}
