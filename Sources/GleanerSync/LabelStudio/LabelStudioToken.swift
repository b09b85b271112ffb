#if Network
    import Foundation
    import GleanerCore

    /// What shows Label Studio who asks, of one of its two kinds.
    enum LabelStudioToken: Hashable, Sendable {
        /// 40 hexadecimal digits, sent as they are. New installations have these switched off.
        case legacy(String)
        /// A personal access token: a JWT that is good only for getting others, which live for some minutes.
        case personal(String)

        /// `nil` when it is of neither kind.
        init?(_ text: String) {
            let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
            if text.utf8.count == 40, text.allSatisfy({ $0.isASCII && $0.isHexDigit }) {
                self = .legacy(text)
            } else if Self.claims(of: text) != nil {
                self = .personal(text)
            } else {
                return nil
            }
        }

        private struct Claims: Decodable {
            /// Seconds since 1970, by the server's clock.
            var exp: Double
            var iat: Double?
        }

        /// For how long a token lives that was given right now, by its own word; `nil` when it does not say.
        ///
        /// The difference of two times of the server, so that the device's clock may be wrong.
        static func lifeSeconds(of token: String) -> Double? {
            claims(of: token).flatMap { claims in claims.iat.map { claims.exp - $0 } }
        }

        /// The middle one of a JWT's three parts (RFC 7519). Nothing is verified: that is the server's business.
        private static func claims(of token: String) -> Claims? {
            let parts = token.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 3, token.utf8.count < 8192 else { return nil }
            var base64 = String(parts[1]).replacing("-", with: "+").replacing("_", with: "/")
            base64 += String(repeating: "=", count: (4 - base64.count % 4) % 4)
            return Data(base64Encoded: base64).flatMap { try? JSONDecoder().decode(Claims.self, from: $0) }
        }
    }

    /// Where the token of a Label Studio is found.
    struct LabelStudioTokenSource: Sendable {
        private let source: BearerToken

        /// - Parameter source: the variable that Label Studio's own tools read, without one.
        init(_ source: BearerToken?) { self.source = source ?? .environment("LABEL_STUDIO_API_KEY") }

        /// - Throws: ``GleanerError`` with code `destination.refused` when there is none.
        func read() throws -> LabelStudioToken {
            guard let token = LabelStudioToken(try source.read()) else {
                throw GleanerError(
                    .destinationRefused, "what \(source) holds is no token of Label Studio",
                    remedy: "copy the access token from Account & Settings of Label Studio, whole and alone")
            }
            return token
        }
    }
#endif
