#if Network
    import Foundation

    /// A form with files, as browsers send them (RFC 7578).
    struct MultipartBody {
        private let boundary: String
        private var bytes: [UInt8] = []
        private(set) var fileCount = 0

        /// - Parameter boundary: must not occur in a file.
        init(boundary: String = "gleaner-\(UUID().uuidString)") { self.boundary = boundary }

        var contentType: String { "multipart/form-data; boundary=\(boundary)" }

        /// Each file gets a field of its own: servers keep the order of fields, not of files in one.
        mutating func append(_ content: [UInt8], named name: String, type: String) {
            bytes +=
                """
                --\(boundary)\r
                Content-Disposition: form-data; name="file\(fileCount)"; filename="\(Self.escaped(name))"\r
                Content-Type: \(type)\r
                \r

                """.utf8
            bytes += content
            bytes += "\r\n".utf8
            fileCount += 1
        }

        /// As browsers write names; sign by sign, because a line's end of two is one character.
        private static func escaped(_ name: String) -> String {
            name.unicodeScalars.map { scalar in
                switch scalar {
                case "\"": "%22"
                case "\r": "%0D"
                case "\n": "%0A"
                default: String(scalar)
                }
            }.joined()
        }

        /// The whole form.
        func finished() -> [UInt8] { bytes + "--\(boundary)--\r\n".utf8 }
    }
#endif
