public import GleanerCore

extension Registry.Entry where Component == any Destination {
    /// `to: s3://BUCKET/PREFIX`.
    public static var s3: Self {
        Self("s3", "A bucket of an S3 store: Amazon's, MinIO, SeaweedFS, Ceph and others.") { try bucket($0) }
    }

    private static func bucket(_ options: OptionReader) throws -> any Destination {
        #if Network
            let address = try S3Address(
                options.string("to") ?? "", endpoint: options.string("endpoint"),
                region: options.string("region") ?? "us-east-1", style: options.choice("style", S3Address.Style.self))
            let credentials = S3Credentials(
                origin: options.choice("credentials", S3Credentials.Origin.self) ?? .standard,
                file: options.absolutePath("credentials_file"), profile: options.string("profile"))
            let client = try S3Client(
                address: address, credentials: credentials, authorities: options.absolutePath("ca"))
            let partByteCount = options.byteCount("part") ?? 8 << 20
            if !(5 << 20...64 << 20).contains(partByteCount) {
                options.problems.add(
                    "\(options.path).part", "is not from 5 MiB to 64 MiB",
                    remedy: "stores take no smaller parts than 5 MiB")
            }
            return S3Destination(client: client, partByteCount: partByteCount)
        #else
            throw GleanerError.withoutNetwork("s3")
        #endif
    }
}
