import Foundation
import GleanerCore

/// What is asked of a server.
struct HTTPRequest: Sendable {
    var method: String
    var url: String
    var headers: [(name: String, value: String)] = []
    var body: HTTPBody

    init(_ method: String, _ url: String, headers: [(name: String, value: String)] = [], body: HTTPBody = .none) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// What goes with a request.
enum HTTPBody: Sendable {
    case bytes([UInt8])
    /// Read while it is sent, so that it never lies in memory whole. Each sending begins with a reader of its own, which
    /// is asked for one part after the other.
    case read(byteCount: Int, reader: @Sendable () -> Reader)

    typealias Reader = @Sendable (Range<Int>) async throws -> [UInt8]

    static var none: HTTPBody { .bytes([]) }

    var byteCount: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .read(let byteCount, _): byteCount
        }
    }
}

/// What a server answered.
struct HTTPAnswer: Sendable {
    var status: Int
    /// By name in lower case; of several headers of one name the first.
    var headers: [String: String]
    var body: [UInt8]

    var isSuccess: Bool { (200..<300).contains(status) }
    var text: String { String(decoding: body.prefix(2000), as: UTF8.self) }

    /// For how long the server asked to be left alone: seconds, or a date, which is compared with the server's own.
    var retryAfterSeconds: Double? {
        guard let text = headers["retry-after"]?.trimmingCharacters(in: .whitespaces) else { return nil }
        if let seconds = Double(text), seconds >= 0 { return seconds }
        guard let until = HTTPDate.parse(text) else { return nil }
        let now = headers["date"].flatMap(HTTPDate.parse) ?? Date()
        return max(until.timeIntervalSince(now), 0)
    }

    /// The failure that an answer means which is not the one that was hoped for.
    ///
    /// - Parameters:
    ///   - what: what was tried, as in `putting 'frames/1.jpg' there`.
    ///   - remedy: what to do when nothing is taken until somebody changes something.
    func failure(of what: String, at place: String, remedy: String) -> GleanerError {
        let answer = ServerAnswer(status: status, retryAfterSeconds: retryAfterSeconds, text: text)
        func error(_ code: GleanerError.Code, _ remedy: String) -> GleanerError {
            GleanerError(
                code, "\(place) did not take it: \(what) was answered with \(status)", remedy: remedy, cause: answer)
        }
        switch status {
        case 429: return error(.destinationThrottled, "wait, or ask for less: raise sync.every_minutes")
        case 503 where answer.retryAfterSeconds != nil:
            return error(.destinationThrottled, "wait: the server is busy")
        case 408, 500...: return error(.destinationOffline, "look at the server's log if this lasts")
        case 300..<400:
            return error(.destinationRefused, "it points elsewhere: name that address itself, if it is the right one")
        case 401, 403, 404, 405: return error(.destinationRefused, remedy)
        default: return error(.destinationRejected, "read what it says; the batch is tried again later")
        }
    }
}

/// Times as HTTP writes them: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
enum HTTPDate {
    private static var formatter: DateFormatter {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(secondsFromGMT: 0)
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return formatter
    }

    static func parse(_ text: String) -> Date? { formatter.date(from: text) }
}
