import GleanerCore

/// Which channel comes first in a row of the input, and whether they take turns.
struct ChannelOrder {
    let layout: InputSpec.Layout
    let color: InputSpec.Color

    var channelCount: Int { color == .gray ? 1 : 3 }
    /// Whether the channels of a pixel lie side by side.
    var isInterleaved: Bool { layout == .nhwc && channelCount > 1 }

    /// Where the reds, greens and blues of a row begin, as long as they lie one after the other.
    func offsets(width: Int) -> (red: Int, green: Int, blue: Int) {
        color == .bgr ? (2 * width, width, 0) : (0, width, 2 * width)
    }
}

/// ITU-R BT.601 luma in 16-bit fixed point, rounded to whole levels.
enum LumaRow {
    @inline(__always)
    static func luma(_ pixel: UnsafePointer<UInt8>) -> UInt8 {
        let sum = 19_595 &* UInt32(pixel[0]) &+ 38_470 &* UInt32(pixel[1]) &+ 7_471 &* UInt32(pixel[2]) &+ 32_768
        return UInt8(truncatingIfNeeded: sum >> 16)
    }

    /// Turns `count` RGB pixels into as many levels.
    static func write(_ pixels: UnsafePointer<UInt8>, count: Int, into levels: UnsafeMutablePointer<UInt8>) {
        for x in 0..<count { levels[x] = luma(pixels + 3 * x) }
    }
}
