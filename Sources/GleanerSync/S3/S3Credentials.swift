#if Network
    import Foundation
    import GleanerCore
    import Synchronization

    /// Where the keys for a bucket come from. They are read when they are needed, so that new ones count at once.
    struct S3Credentials: Sendable {
        enum Origin: String, Sendable, CaseIterable {
            /// The environment, else a file: `AWS_ACCESS_KEY_ID`, `~/.aws/credentials`.
            case standard
            case environment
            case file
            /// What the cloud gives the machine or container that this runs on.
            case instance
        }

        let origin: Origin
        /// In the format of `~/.aws/credentials`; `nil` for that.
        let file: String?
        let profile: String?
        private let borrowed = Borrowed()

        /// Keys of an instance, until they end.
        private final class Borrowed: Sendable {
            let keys = Mutex<(keys: S3Keys, until: Date)?>(nil)
        }

        init(origin: Origin = .standard, file: String? = nil, profile: String? = nil) {
            self.origin = origin
            self.file = file
            self.profile = profile
        }

        private var environment: [String: String] { ProcessInfo.processInfo.environment }

        /// - Throws: ``GleanerError`` with code `destination.refused` saying where none were found.
        func keys() async throws -> S3Keys {
            switch origin {
            case .environment:
                return try fromEnvironment() ?? { throw none("AWS_ACCESS_KEY_ID is not set") }()
            case .file: return try fromFile()
            case .standard: return try fromEnvironment() ?? fromFile()
            case .instance:
                if let kept = borrowed.keys.withLock({ $0 }), kept.until > Date() { return kept.keys }
                let fresh = try await InstanceKeys(environment: environment).fetch()
                borrowed.keys.withLock { $0 = fresh }
                return fresh.keys
            }
        }

        private func none(_ what: String) -> GleanerError {
            GleanerError(
                .destinationRefused, "there are no keys for the bucket: \(what)",
                remedy: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file as credentials_file")
        }

        private func fromEnvironment() throws -> S3Keys? {
            guard let key = environment["AWS_ACCESS_KEY_ID"], !key.isEmpty else { return nil }
            guard let secret = environment["AWS_SECRET_ACCESS_KEY"], !secret.isEmpty else {
                throw none("AWS_SECRET_ACCESS_KEY is not set")
            }
            return S3Keys(accessKey: key, secret: secret, sessionToken: environment["AWS_SESSION_TOKEN"])
        }

        private func fromFile() throws -> S3Keys {
            let standard = environment["HOME"].map { "\($0)/.aws/credentials" }
            guard let path = file ?? environment["AWS_SHARED_CREDENTIALS_FILE"] ?? standard else {
                throw none("HOME is not set")
            }
            guard let data = try? FileReading.bytes(of: path, byteCountMax: 1 << 20) else {
                throw none("\(path) cannot be read")
            }
            let section = profile ?? environment["AWS_PROFILE"] ?? "default"
            let values = Self.values(of: section, in: String(decoding: data, as: UTF8.self))
            guard let key = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] else {
                throw none("\(path) has none in its section [\(section)]")
            }
            return S3Keys(accessKey: key, secret: secret, sessionToken: values["aws_session_token"])
        }

        /// The lines `name = value` below `[section]`.
        static func values(of section: String, in text: String) -> [String: String] {
            var values: [String: String] = [:]
            var isInside = false
            for line in text.split(whereSeparator: \.isNewline) {
                let line = line.trimmingCharacters(in: .whitespaces)
                if line.hasPrefix("[") {
                    isInside = line.dropFirst().prefix { $0 != "]" }.trimmingCharacters(in: .whitespaces) == section
                } else if isInside, !line.hasPrefix("#"), !line.hasPrefix(";"), let equals = line.firstIndex(of: "=") {
                    let name = line[..<equals].trimmingCharacters(in: .whitespaces)
                    values[name] = line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces)
                }
            }
            return values
        }
    }

    /// Keys that a cloud hands to its own machines: by the container's address if it has one, else by the instance's
    /// (IMDSv2). Only asked for where the configuration says `credentials: instance`.
    private struct InstanceKeys {
        let environment: [String: String]

        private struct Answer: Decodable {
            var AccessKeyId: String
            var SecretAccessKey: String
            var Token: String?
            var Expiration: Timestamp?
        }

        func fetch() async throws -> (keys: S3Keys, until: Date) {
            let answer: Answer
            if let address = containerAddress {
                let token = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"].map { [("Authorization", $0)] } ?? []
                answer = try decode(try await ask("GET", address, token))
            } else {
                let base = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? "http://169.254.169.254"
                let session = try await ask(
                    "PUT", "\(base)/latest/api/token", [("X-aws-ec2-metadata-token-ttl-seconds", "300")])
                let headers = [("X-aws-ec2-metadata-token", session.text)]
                let list = "\(base)/latest/meta-data/iam/security-credentials/"
                let role = try await ask("GET", list, headers).text.split(whereSeparator: \.isNewline).first ?? ""
                answer = try decode(try await ask("GET", list + role, headers))
            }
            // New ones are there some minutes before the old ones end.
            let end = answer.Expiration.map { Date(timeIntervalSince1970: Double($0.milliseconds) / 1000) } ?? Date()
            let keys = S3Keys(accessKey: answer.AccessKeyId, secret: answer.SecretAccessKey, sessionToken: answer.Token)
            return (keys, end.addingTimeInterval(-300))
        }

        private var containerAddress: String? {
            environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
                ?? environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"].map { "http://169.254.170.2\($0)" }
        }

        private func ask(
            _ method: String, _ address: String, _ headers: [(name: String, value: String)]
        ) async throws -> HTTPAnswer {
            let transport = try HTTPTransport(place: "the keys of this machine", authorities: nil)
            let answer = try await transport.send(
                HTTPRequest(method, address, headers: headers), bodyByteCountMax: 1 << 20)
            guard answer.isSuccess else {
                throw answer.failure(
                    of: "asking for keys", at: "the cloud that this machine runs in",
                    remedy: "give the machine a role, or use another kind of credentials")
            }
            return answer
        }

        private func decode(_ answer: HTTPAnswer) throws -> Answer {
            try CanonicalJSON.decode(from: Data(answer.body), named: "the answer with this machine's keys")
        }
    }
#endif
