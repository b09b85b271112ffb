public import GleanerCore

extension Registry.Entry where Component == any Destination {
    /// `to: https://HOST/PATH`.
    public static var https: Self {
        Self("https", "A server that takes resumable uploads (tus 1.0.0), such as Examples/receiver.") {
            try tus("https", $0)
        }
    }

    /// `to: http://HOST/PATH`, for networks where nobody listens.
    public static var http: Self {
        Self("http", "The same without encryption, for a network of one's own.") { try tus("http", $0) }
    }

    private static func tus(_ name: String, _ options: OptionReader) throws -> any Destination {
        #if Network
            let place = options.string("to") ?? ""
            let authorities = options.absolutePath("ca")
            if authorities != nil, !place.hasPrefix("https:") {
                options.problems.add(
                    "\(options.path).ca", "means nothing without encryption", remedy: "write https, or remove it")
            }
            return TusDestination(
                try TusAddress(place), token: options.bearerToken(), authorities: authorities,
                receiptRule: options.choice("receipt", TusDestination.ReceiptRule.self) ?? .digest)
        #else
            throw GleanerError.withoutNetwork(name)
        #endif
    }
}
