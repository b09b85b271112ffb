/// A small fixed-width font for what is drawn on pictures: 5 × 7 pixels a glyph, ASCII 32 to 126.
enum BitmapFont {
    static let glyphWidth = 5
    static let glyphHeight = 7
    /// How far letters such as g reach below the line.
    static let descent = 2
    /// From one glyph to the next.
    static let advance = 6

    /// Seven rows of five pixels, top row first, a byte each; the leftmost pixel is bit 4. Other characters
    /// than ASCII show as a question mark.
    static func rows(of scalar: Unicode.Scalar) -> [UInt8] {
        let index = Int(scalar.value) - 32
        let glyph = glyphs.indices.contains(index) ? glyphs[index] : glyphs[31]
        return (0..<glyphHeight).map { UInt8(truncatingIfNeeded: glyph >> (8 * (glyphHeight - 1 - $0))) }
    }

    /// How much lower than others a glyph is drawn.
    static func drop(of scalar: Unicode.Scalar) -> Int { "gpqy".unicodeScalars.contains(scalar) ? descent : 0 }

    /// Pixels that a line of text takes, without magnification.
    static func width(of text: String) -> Int { max(0, text.unicodeScalars.count * advance - 1) }

    private static let glyphs: [UInt64] = [
        0x00000000000000, 0x04040404040004, 0x0a0a0a00000000, 0x0a0a1f0a1f0a0a,  //   ! " #
        0x040f140e051e04, 0x18190204081303, 0x0c12140815120d, 0x04040800000000,  // $ % & '
        0x02040808080402, 0x08040202020408, 0x0004150e150400, 0x0004041f040400,  // ( ) * +
        0x00000000040408, 0x0000000e000000, 0x00000000000c0c, 0x01010204081010,  // , - . /
        0x0e11131519110e, 0x040c040404040e, 0x0e11010204081f, 0x1f02040201110e,  // 0 1 2 3
        0x02060a121f0202, 0x1f101e0101110e, 0x0608101e11110e, 0x1f010204080808,  // 4 5 6 7
        0x0e11110e11110e, 0x0e11110f01020c, 0x000c0c000c0c00, 0x000c0c000c0408,  // 8 9 : ;
        0x02040810080402, 0x00001f001f0000, 0x08040201020408, 0x0e110102040004,  // < = > ?
        0x0e11010d15150e, 0x0e11111f111111, 0x1e11111e11111e, 0x0e11101010110e,  // @ A B C
        0x1c12111111121c, 0x1f10101e10101f, 0x1f10101e101010, 0x0e11101711110f,  // D E F G
        0x1111111f111111, 0x0e04040404040e, 0x0702020202120c, 0x11121418141211,  // H I J K
        0x1010101010101f, 0x111b1515111111, 0x11111915131111, 0x0e11111111110e,  // L M N O
        0x1e11111e101010, 0x0e11111115120d, 0x1e11111e141211, 0x0f10100e01011e,  // P Q R S
        0x1f040404040404, 0x1111111111110e, 0x11111111110a04, 0x1111111515150a,  // T U V W
        0x11110a040a1111, 0x1111110a040404, 0x1f01020408101f, 0x0e08080808080e,  // X Y Z [
        0x10100804020101, 0x0e02020202020e, 0x040a1100000000, 0x0000000000001f,  // \ ] ^ _
        0x08040200000000, 0x00000e010f110f, 0x1010161911111e, 0x00000e1010110e,  // ` a b c
        0x01010d1311110f, 0x00000e111f100e, 0x0609081c080808, 0x0f1111110f010e,  // d e f g
        0x10101619111111, 0x04000c0404040e, 0x0200060202120c, 0x10101214181412,  // h i j k
        0x0c04040404040e, 0x00001a15151111, 0x00001619111111, 0x00000e1111110e,  // l m n o
        0x1e1111111e1010, 0x0f1111110f0101, 0x00001619101010, 0x00000e100e011e,  // p q r s
        0x08081c08080906, 0x0000111111130d, 0x00001111110a04, 0x0000111115150a,  // t u v w
        0x0000110a040a11, 0x111111110f010e, 0x00001f0204081f, 0x02040408040402,  // x y z {
        0x04040404040404, 0x08040402040408, 0x00000815020000,  // | } ~
    ]
}
