import Foundation
import GleanerCore

/// How hot the machine is, and whether it holds itself back.
struct MachineHeat {
    var temperatures: [Temperature]
    /// By zone: from here on the system slows the processor down.
    var passiveCelsius: [String: Double] = [:]
    /// Cooling by slowing down that is at work now, as the system names it.
    var slowing: [String] = []
    /// What the firmware of a Raspberry Pi says (`vcgencmd get_throttled`); `nil` elsewhere.
    var raspberry: UInt32?

    /// Where a board does not say when it slows down: those of Raspberry Pi do from 80 °C on.
    private static let passiveCelsiusStandard = 80.0
    private static let nearCelsius = 5.0

    static func read(thermal: String = "/sys/class/thermal", platform: String = "/sys/devices/platform") -> MachineHeat
    {
        var heat = MachineHeat(temperatures: Temperature.all(in: thermal))
        func text(_ path: String) -> String? {
            (try? String(contentsOfFile: path, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: thermal))?.sorted() ?? [] {
            let folder = "\(thermal)/\(name)"
            let type = text("\(folder)/type") ?? name
            if name.hasPrefix("cooling_device") {
                // Fans cool too, and are meant to.
                let slows = ["cpufreq", "devfreq", "processor"].contains { type.lowercased().contains($0) }
                if slows, let state = text("\(folder)/cur_state").flatMap({ Int($0) }), state > 0 {
                    heat.slowing.append(type)
                }
            } else if name.hasPrefix("thermal_zone") {
                let trips = (0..<12).filter { text("\(folder)/trip_point_\($0)_type") == "passive" }
                let limits = trips.compactMap { text("\(folder)/trip_point_\($0)_temp").flatMap { Double($0) } }
                if let lowest = limits.filter({ $0 > 0 }).min() { heat.passiveCelsius[type] = lowest / 1000 }
            }
        }
        heat.raspberry = text("\(platform)/soc/soc:firmware/get_throttled").flatMap { UInt32($0, radix: 16) }
        return heat
    }

    var findings: [Finding] { [heatFinding] + (powerFinding.map { [$0] } ?? []) }

    private var heatFinding: Finding {
        let hottest = temperatures.max { margin($0) > margin($1) }
        let measured = Dictionary(
            temperatures.map { ("\($0.zone)_celsius", $0.celsius) }, uniquingKeysWith: max)
        let list = temperatures.map { "\($0.zone) \(Int($0.celsius.rounded())) °C" }.joined(separator: ", ")
        let remedy = "shade or cool the device, lower inference.max_rate or inference.duty_cycle"
        if let reason = slowingReason {
            return Finding(
                "heat", .warning, "\(reason)\(list.isEmpty ? "" : ": \(list)")", remedy: remedy, measured: measured)
        }
        guard let hottest else { return Finding("heat", .ok, "this machine tells of no temperature") }
        guard margin(hottest) > Self.nearCelsius else {
            return Finding(
                "heat", .warning, "\(list): the processor is slowed down from \(Int(limit(hottest))) °C on",
                remedy: remedy, measured: measured)
        }
        return Finding("heat", .ok, list, measured: measured)
    }

    private func limit(_ temperature: Temperature) -> Double {
        passiveCelsius[temperature.zone] ?? Self.passiveCelsiusStandard
    }
    private func margin(_ temperature: Temperature) -> Double { limit(temperature) - temperature.celsius }

    private var slowingReason: String? {
        if !slowing.isEmpty { return "the processor is slowed down now (\(slowing.joined(separator: ", ")))" }
        guard let raspberry else { return nil }
        // Bits 1 to 3 are of now, 17 to 19 of the time since the start.
        if raspberry & 0xE != 0 { return "the firmware slows the processor down now" }
        return raspberry & 0xE_0000 != 0 ? "the firmware has slowed the processor down since the start" : nil
    }

    /// `nil` where nothing tells of the power.
    private var powerFinding: Finding? {
        guard let raspberry else { return nil }
        guard raspberry & 0x1_0001 != 0 else {
            return Finding("power", .ok, "the supply's voltage has been high enough")
        }
        let isNow = raspberry & 1 != 0
        return Finding(
            "power", isNow ? .problem : .warning,
            isNow ? "the supply's voltage is too low" : "the supply's voltage has been too low since the start",
            remedy: "use the board's own supply and a short cable: what a card writes meanwhile may be damaged")
    }
}
