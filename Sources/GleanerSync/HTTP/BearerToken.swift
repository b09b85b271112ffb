#if Network
    import Foundation
    import GleanerCore

    /// Where the token lies by which a server knows this device.
    ///
    /// It is read at each visit, so that a new one counts at once, and stands in no configuration and no message.
    enum BearerToken: Hashable, Sendable {
        case file(String)
        case environment(String)

        private static let byteCountMax = 16 << 10

        /// - Throws: ``GleanerError`` with code `destination.refused` when there is none.
        func read() throws -> String {
            let found: String
            switch self {
            case .file(let path):
                do {
                    found = String(
                        decoding: try FileReading.bytes(of: path, byteCountMax: Self.byteCountMax), as: UTF8.self)
                } catch {
                    throw refusal("cannot be read", cause: error)
                }
            case .environment(let name):
                guard let value = ProcessInfo.processInfo.environment[name] else { throw refusal("is not set") }
                found = value
            }
            let token = found.trimmingCharacters(in: .whitespacesAndNewlines)
            guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw refusal("holds no token, which is one word")
            }
            return token
        }

        private func refusal(_ reason: String, cause: (any Error)? = nil) -> GleanerError {
            let remedy =
                switch self {
                case .file: "put the token that the server expects there, readable by this user"
                case .environment: "set it to the token that the server expects, where gleaner is started"
                }
            return GleanerError(.destinationRefused, "\(self) \(reason)", remedy: remedy, cause: cause)
        }
    }

    extension BearerToken: CustomStringConvertible {
        var description: String {
            switch self {
            case .file(let path): "the token file \(path)"
            case .environment(let name): "the environment variable \(name)"
            }
        }
    }

    extension OptionReader {
        /// `token_file: /etc/gleaner/token` or `token_env: GLEANER_TOKEN`; `nil` for no token.
        func bearerToken() -> BearerToken? {
            let file = absolutePath("token_file")
            let name = string("token_env")
            if file != nil, name != nil {
                problems.add(
                    "\(path).token_env", "is one token too many beside token_file", remedy: "leave one of them out")
            }
            return file.map { .file($0) } ?? name.map { .environment($0) }
        }

        /// A file of this device, from the root.
        func absolutePath(_ key: String) -> String? {
            guard let file = string(key) else { return nil }
            if !file.hasPrefix("/") {
                problems.add("\(path).\(key)", "must be a file's path from the root", remedy: "begin it with /")
            }
            return file
        }
    }
#endif
