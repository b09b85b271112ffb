#if Network
    import Foundation
    import GleanerCore

    /// The right to ask: a token, and what was got for it.
    actor LabelStudioAccess {
        /// A personal access token's latest child.
        private struct Grant {
            var parent: String
            var header: String
            var until: ContinuousClock.Instant
        }

        private let source: LabelStudioTokenSource
        private var grant: Grant?

        /// One that is about to end is not used any more: the request must arrive in time.
        private static let marginSeconds = 30.0
        /// What Label Studio gives, where a token does not say it.
        private static let defaultLifeSeconds = 300.0

        init(_ source: LabelStudioTokenSource) { self.source = source }

        /// The header `Authorization` of the next request.
        ///
        /// - Parameters:
        ///   - refused: the header that the server did not take just now: another one is got, if there can be one.
        ///   - renew: asks the server for a token that lives for some minutes, given one that lives long.
        func header(
            insteadOf refused: String? = nil, renew: @Sendable (_ parent: String) async throws -> String
        ) async throws -> String {
            switch try source.read() {
            case .legacy(let token): return "Token \(token)"
            case .personal(let parent):
                if let grant, grant.parent == parent, grant.header != refused, .now < grant.until {
                    return grant.header
                }
                let child = try await renew(parent)
                let seconds = LabelStudioToken.lifeSeconds(of: child) ?? Self.defaultLifeSeconds
                let header = "Bearer \(child)"
                grant = Grant(
                    parent: parent, header: header, until: .now + .seconds(max(seconds - Self.marginSeconds, 1)))
                return header
            }
        }
    }
#endif
