import Foundation

/// What a sensor of this machine says.
public struct Temperature: Sendable, Codable {
    /// As the system names it, such as `cpu-thermal`.
    public var zone: String
    public var celsius: Double

    /// All that the system tells of; none in most virtual machines.
    static func all(in folder: String = "/sys/class/thermal") -> [Temperature] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix("thermal_zone") }.sorted { ($0.count, $0) < ($1.count, $1) }.compactMap {
            name in
            func text(_ file: String) -> String? {
                (try? String(contentsOfFile: "\(folder)/\(name)/\(file)", encoding: .utf8))?
                    .trimmingCharacters(in: .whitespacesAndNewlines)
            }
            // A sensor that is off gives an error, or nothing.
            guard let thousandths = text("temp").flatMap(Int.init) else { return nil }
            return Temperature(zone: text("type") ?? name, celsius: Double(thousandths) / 1000)
        }
    }
}
