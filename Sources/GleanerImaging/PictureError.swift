public import GleanerCore

extension GleanerError.Code {
    /// Neither PNG nor JPEG, or no bytes at all.
    public static let pictureUnknown = Self("picture.unknown")
    /// The bytes end before the picture does.
    public static let pictureTruncated = Self("picture.truncated")
    /// The bytes are not what the encoding's standard says.
    public static let pictureMalformed = Self("picture.malformed")
    /// More pixels than ``PictureHeader/pixelCountMax``.
    public static let pictureTooLarge = Self("picture.too_large")
    /// A JPEG, and this build cannot read JPEG.
    public static let pictureNoJPEG = Self("picture.no_jpeg")
    /// Encoding failed.
    public static let pictureNotEncoded = Self("picture.not_encoded")
    /// A model's input cannot be filled as its manifest says.
    public static let inputUnfit = Self("input.unfit")
}

extension GleanerError {
    static func truncatedPicture(_ detail: String) -> GleanerError {
        GleanerError(
            .pictureTruncated, "the picture is truncated: \(detail)",
            remedy: "write frames under a temporary name and rename them when they are whole")
    }
    static func malformedPicture(_ detail: String) -> GleanerError {
        GleanerError(.pictureMalformed, "the picture is damaged: \(detail)")
    }
}
