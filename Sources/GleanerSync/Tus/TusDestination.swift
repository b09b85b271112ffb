#if Network
    public import GleanerCore

    /// A server that takes resumable uploads by tus 1.0.0 (https://tus.io/protocols/resumable-upload), such as
    /// `Examples/receiver`: for whoever has neither a bucket nor a labeling tool.
    ///
    /// A batch is one upload of its tar. Every chunk carries its SHA-256; an upload that was cut off goes on after the
    /// last chunk that the server has. The receipt is the server's word that it found every file of the manifest.
    public struct TusDestination: Destination {
        /// What counts as a receipt.
        public enum ReceiptRule: String, Sendable, CaseIterable {
            /// The server names the batch's digest in `Gleaner-Receipt`, once it has verified it.
            case digest
            /// The checksums of the chunks are enough: for servers that know of uploads only.
            case checksums
        }

        private let address: TusAddress
        private let token: BearerToken?
        private let authorities: String?
        private let receiptRule: ReceiptRule
        private let chunkByteCountMax: Int
        private let patience: HTTPTransport.Patience

        /// - Parameters:
        ///   - authorities: a PEM file, instead of the certificates that the system trusts.
        ///   - chunkByteCountMax: so much is sent twice at most when a link is cut.
        init(
            _ address: TusAddress, token: BearerToken? = nil, authorities: String? = nil,
            receiptRule: ReceiptRule = .digest, chunkByteCountMax: Int = 256 << 10,
            patience: HTTPTransport.Patience = .usual
        ) {
            self.address = address
            self.token = token
            self.authorities = authorities
            self.receiptRule = receiptRule
            self.chunkByteCountMax = chunkByteCountMax
            self.patience = patience
        }

        public var place: String { address.text }

        public func check() async throws { try await server().check() }

        public func deliver(_ batch: any SealedBatch, _ delivery: Delivery) async throws -> Receipt {
            let upload = TusUpload(
                batch, to: try await server(), at: address, delivery, chunkByteCountMax: chunkByteCountMax,
                requiresReceipt: receiptRule == .digest)
            try await upload.run()
            return Receipt(batch: batch.id.digest, place: "\(place) (batch-\(batch.id.short))")
        }

        /// Token and certificates are read at each visit: what was corrected counts at once.
        private func server() async throws -> TusServer {
            try await blocking { _ in
                try TusServer(address, token: token?.read(), authorities: authorities, patience: patience)
            }
        }
    }
#endif
