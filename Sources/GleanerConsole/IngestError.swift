public import GleanerCore

extension GleanerError.Code {
    /// There is no such path, or it is asked in a way that it does not know.
    static let ingestNotFound = Self("ingest.not_found")
    static let ingestMethod = Self("ingest.method")
    /// The token is missing or another one.
    static let ingestUnauthorized = Self("ingest.unauthorized")
    /// A page in a browser asks.
    static let ingestBrowser = Self("ingest.browser")
    /// The body is larger than is allowed.
    static let ingestTooLarge = Self("ingest.too_large")
    /// The body is no form.
    static let ingestMediaType = Self("ingest.media_type")
    /// The form or its JSON cannot be read.
    static let ingestMalformed = Self("ingest.malformed")
    /// It can be read, and what it says cannot be.
    static let ingestInvalid = Self("ingest.invalid")
    /// Enough frames are on their way.
    static let ingestFull = Self("ingest.full")
    /// The collector is ending.
    static let ingestStopped = Self("ingest.stopped")
    /// The address or the socket cannot be listened on.
    public static let ingestUnavailable = Self("ingest.unavailable")
}

extension GleanerError {
    /// The HTTP status that says what this says.
    var httpStatus: Int {
        switch code {
        case .malformed, .ingestMalformed: 400
        case .ingestUnauthorized: 401
        case .ingestBrowser: 403
        case .ingestNotFound: 404
        case .ingestMethod: 405
        case .modelDiffers: 409
        case .ingestTooLarge: 413
        case .ingestMediaType: 415
        case .ingestInvalid: 422
        case .ingestFull: 429
        case .ingestStopped: 503
        // What is wrong with a picture is wrong with the request.
        default: code.rawValue.hasPrefix("picture.") ? 422 : 500
        }
    }

    static func invalid(_ message: String, remedy: String) -> GleanerError {
        GleanerError(.ingestInvalid, message, remedy: remedy)
    }
}
