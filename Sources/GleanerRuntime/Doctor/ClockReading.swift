import CLinux
import Foundation
import GleanerCore

/// What the wall clock says, and what speaks against it.
struct ClockReading {
    var now: Timestamp
    /// The earliest time that it can be: this program was made then.
    var made: Timestamp
    /// The latest time that the deployment wrote down; `nil` before there is any.
    var newest: Timestamp?
    /// Whether something sets it by a clock elsewhere; `nil` where the system does not tell.
    var isSet: Bool?

    /// Clocks are set back by a little now and then.
    private static let millisecondsBackMax: Int64 = 60_000
    private static let harmless = "nothing is lost or misordered meanwhile, but times in names and records are wrong"

    /// - Parameter executable: Its file is as old as the program.
    init(newest: Timestamp?, executable: String = "/proc/self/exe") {
        now = .now()
        self.newest = newest
        var status = stat()
        let isThere = stat(executable, &status) == 0
        made = Timestamp(milliseconds: isThere ? Int64(status.st_mtim.tv_sec) * 1000 : 0)
        let answer = gleaner_clock_is_set()
        isSet = answer < 0 ? nil : answer == 1
    }

    init(now: Timestamp, made: Timestamp, newest: Timestamp?, isSet: Bool?) {
        (self.now, self.made, self.newest, self.isSet) = (now, made, newest, isSet)
    }

    var finding: Finding {
        if now < made {
            return Finding(
                "clock", .problem, "the clock says \(now), and this program was made at \(made)",
                remedy: "set it (`timedatectl set-time`), or give the device a clock with a battery; \(Self.harmless)")
        }
        if let newest, now.milliseconds < newest.milliseconds - Self.millisecondsBackMax {
            return Finding(
                "clock", .warning, "the clock says \(now), and something here was written at \(newest)",
                remedy: "look which of the two is right, and set it (`timedatectl set-time`); \(Self.harmless)")
        }
        if isSet == false {
            return Finding(
                "clock", .warning, "the clock says \(now), and nothing sets it",
                remedy: "where there is a link: `timedatectl set-ntp true`; else give the device a clock with a battery"
            )
        }
        let how = isSet == true ? "something sets it" : "whether anything sets it is not told"
        return Finding("clock", .ok, "the clock says \(now); \(how)")
    }
}
