import Foundation

/// A camera of this machine, as Linux names it.
public struct Camera: Hashable, Sendable, CustomStringConvertible {
    /// Such as `/dev/video0`.
    public var path: String
    /// As its driver calls it, such as `HD Pro Webcam C920`.
    public var name: String

    /// All that there are, in the order of their numbers.
    public static func all(in folder: String = "/sys/class/video4linux") -> [Camera] {
        let devices = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return devices.sorted { ($0.count, $0) < ($1.count, $1) }.compactMap { device in
            func text(_ file: String) -> String? {
                (try? String(contentsOfFile: "\(folder)/\(device)/\(file)", encoding: .utf8))?
                    .trimmingCharacters(in: .whitespacesAndNewlines)
            }
            // Beside its pictures a camera may have a device for what it tells of them.
            guard text("index") ?? "0" == "0" else { return nil }
            return Camera(path: "/dev/\(device)", name: text("name") ?? "unnamed")
        }
    }

    /// All that there are, in words.
    public static func list(in folder: String = "/sys/class/video4linux") -> String {
        let cameras = all(in: folder)
        return cameras.isEmpty
            ? "this machine has no camera" : "cameras here: \(cameras.map(\.description).joined(separator: ", "))"
    }

    public var description: String { "\(path) (\(name))" }
}
