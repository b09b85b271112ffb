public import GleanerCore

/// `to: s3://bucket/prefix`.
public enum S3DestinationMaker {
    private static let summary = "A bucket of an S3 store: Amazon's, MinIO, SeaweedFS, Ceph and others."

    #if Network
        public static let entry = Registry<any Destination>.Entry("s3", summary) { options in
            let address = try S3Address(
                options.string("to") ?? "", endpoint: options.string("endpoint"),
                region: options.string("region") ?? "us-east-1", style: options.choice("style", S3Address.Style.self))
            let credentials = S3Credentials(
                origin: options.choice("credentials", S3Credentials.Origin.self) ?? .standard,
                file: options.string("credentials_file"), profile: options.string("profile"))
            let client = try S3Client(
                address: address, credentials: credentials, authorities: options.string("ca"))
            let partByteCount = options.byteCount("part") ?? 8 << 20
            guard (5 << 20...64 << 20).contains(partByteCount) else {
                throw GleanerError(
                    .malformed, "part is not from 5 MiB to 64 MiB", remedy: "stores take no smaller parts than 5 MiB")
            }
            return S3Destination(client: client, partByteCount: partByteCount)
        }
    #else
        public static let entry = Registry<any Destination>.Entry.withoutNetwork("s3", summary)
    #endif
}
