import Foundation
import GleanerCore
import Testing

@testable import GleanerRuntime

/// What is made of what was measured: by hand, for machines that are not at hand.
@Suite struct DoctorTests {
    private func disk(_ fileSystem: String, _ options: Set<String> = [], _ kind: MountedDisk.Kind = .card)
        -> MountedDisk
    {
        MountedDisk(fileSystem: fileSystem, options: options, source: "/dev/mmcblk0p2", kind: kind)
    }

    // MARK: Flushes

    static let disks: [(String, Set<String>, MountedDisk.Kind, flushSeconds: Double, Finding.State)] = [
        ("ext4", [], .card, 0.004, .ok), ("ext4", [], .solid, 20e-6, .ok), ("ext4", [], .hidden, 50e-6, .ok),
        ("ext4", [], .turning, 0.009, .ok), ("ext4", ["data=writeback"], .usb, 0.001, .ok),
        ("btrfs", [], .card, 0.004, .ok),
        // Quicker than its kind can be.
        ("ext4", [], .card, 100e-6, .warning), ("ext4", [], .turning, 100e-6, .warning),
        ("ext4", [], .solid, 1e-7, .problem), ("ext4", [], .hidden, 1e-7, .problem),
        // Without barriers.
        ("ext4", ["nobarrier"], .card, 0.004, .problem), ("ext4", ["barrier=0"], .card, 0.004, .problem),
        ("f2fs", ["fsync_mode=nobarrier"], .card, 0.004, .problem),
        // In memory, elsewhere, or without a journal.
        ("tmpfs", [], .hidden, 1e-6, .problem), ("ramfs", [], .hidden, 1e-6, .problem),
        ("nfs4", [], .hidden, 0.01, .problem), ("cifs", [], .hidden, 0.01, .problem),
        ("vfat", [], .card, 0.004, .warning), ("exfat", [], .usb, 0.004, .warning),
        ("ext2", [], .card, 0.004, .warning),
        ("fuse.sshfs", [], .hidden, 0.004, .warning), ("9p", [], .hidden, 0.004, .warning),
        ("overlay", [], .hidden, 0.004, .warning), ("overlay", ["volatile"], .hidden, 0.004, .problem),
    ]

    @Test(arguments: disks) func flushesAreJudgedByWhereTheyGoAndHowLongTheyTake(
        _ fileSystem: String, _ options: Set<String>, _ kind: MountedDisk.Kind, _ seconds: Double,
        _ state: Finding.State
    ) {
        let finding = FlushHonesty(disk: disk(fileSystem, options, kind), p50Seconds: seconds).finding
        #expect(finding.state == state, "\(finding.message)")
        #expect(finding.remedy.isEmpty == (state == .ok))
        #expect(finding.measured == ["p50_ms": (seconds * 1e6).rounded() / 1e3])
    }

    @Test func anOverlayIsAsGoodAsWhatItsChangesLieOn() {
        var honesty = FlushHonesty(disk: disk("overlay"), p50Seconds: 0.004)
        honesty.upper = disk("tmpfs", [], .hidden)
        #expect(honesty.finding.state == .problem)
        honesty.upper = disk("ext4")
        #expect(honesty.finding.state == .warning)
    }

    @Test func aLibraryThatSwallowsFlushesIsNamed() {
        let finding = FlushHonesty(disk: disk("ext4"), preload: "/usr/lib/libeatmydata.so", p50Seconds: 0.004).finding
        #expect(finding.state == .problem && finding.remedy.contains("LD_PRELOAD"))
    }

    @Test func theDiskOfAFolderIsTheMountNearestAboveIt() throws {
        let folder = try TemporaryFolder()
        let station = "\(folder.path)/my station"
        try FileManager.default.createDirectory(atPath: station, withIntermediateDirectories: true)
        let escaped = folder.path.replacingOccurrences(of: " ", with: "\\040")
        let mounts = """
            1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw,errors=continue
            2 1 0:30 / \(escaped)/my\\040station rw,noatime - overlay overlay rw,lowerdir=/a,upperdir=/b\\040c
            3 1 179:2 / \(escaped)/my\\040station rw,noatime - ext4 /dev/mmcblk0p2 rw,nobarrier
            4 1 0:31 / \(escaped)/my rw - tmpfs tmpfs rw
            nonsense
            """
        let file = "\(folder.path)/mountinfo"
        try Data(mounts.utf8).write(to: URL(filePath: file))
        let devices = "\(folder.path)/devices"
        let disk = "\(folder.path)/mmc0/block/mmcblk0/mmcblk0p2"
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: devices, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: "\(devices)/179:2", withDestinationPath: disk)
        let found = try #require(MountedDisk.of(station, mounts: file, devices: devices))
        #expect(found.fileSystem == "ext4" && found.source == "/dev/mmcblk0p2" && found.kind == .card)
        #expect(found.options == ["rw", "noatime", "nobarrier"])
        #expect(MountedDisk.of(folder.path, mounts: file, devices: devices)?.source == "/dev/root")
        #expect(MountedDisk.of("\(folder.path)/nowhere", mounts: file) == nil)
    }

    @Test func theDiskIsTriedWithinItsRoomAndNothingIsLeft() throws {
        let folder = try TemporaryFolder()
        try Data(count: 10).write(to: URL(filePath: "\(folder.path)/doctor-1.partial"))
        let trial = try DiskTrial(in: folder.path, roomByteCount: 8 << 20)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        #expect(trial.write.count > 0 && trial.flush.count == trial.write.count)
        #expect(try #require(trial.speed.measured?["sequential_bytes_per_second"]) > 0)
        let none = try DiskTrial(in: folder.path, roomByteCount: 1 << 20)
        #expect(none.write.count == 0 && none.speed.state == .warning)
    }

    @Test func aVolumeThatEndsBeforeTheQuotaIsAWarning() {
        var room = DiskRoom(
            usedByteCount: 1 << 30, freeByteCount: 2 << 30, quotaByteCount: 2 << 30, keepFreeByteCount: 1 << 28)
        #expect(room.finding.state == .ok && room.byteCount == 1 << 30)
        room.freeByteCount = 1 << 29
        #expect(room.finding.state == .warning && room.byteCount == 1 << 28)
        #expect(room.finding.remedy.contains("1.25 GiB"))
        room.freeByteCount = 0
        #expect(room.byteCount == 0)
    }

    // MARK: Clock

    private func clock(_ now: String, made: String, newest: String? = nil, isSet: Bool? = true) throws -> Finding {
        ClockReading(
            now: try #require(Timestamp(now)), made: try #require(Timestamp(made)),
            newest: newest.flatMap { Timestamp($0) }, isSet: isSet
        ).finding
    }

    @Test func aClockIsHeldAgainstTheProgramAndWhatWasWrittenDown() throws {
        let (made, now) = ("2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z")
        #expect(try clock(now, made: made).state == .ok)
        #expect(try clock(now, made: made, isSet: nil).state == .ok)
        #expect(try clock("1970-01-01T00:00:10Z", made: made).state == .problem)
        #expect(try clock(now, made: made, newest: "2026-06-01T00:00:30Z").state == .ok)
        #expect(try clock(now, made: made, newest: "2026-06-02T00:00:00Z").state == .warning)
        #expect(try clock(now, made: made, newest: "2026-05-01T00:00:00Z", isSet: false).state == .warning)
    }

    // MARK: Machine

    @Test func heatIsHeldAgainstWhereTheBoardSlowsDown() {
        func state(_ celsius: Double, passive: Double? = nil) -> Finding.State? {
            var heat = MachineHeat(temperatures: [Temperature(zone: "cpu", celsius: celsius)])
            heat.passiveCelsius["cpu"] = passive
            return heat.findings.first?.state
        }
        #expect(state(60) == .ok && state(76) == .warning && state(90) == .warning)
        #expect(state(90, passive: 100) == .ok && state(97, passive: 100) == .warning)
        #expect(MachineHeat(temperatures: []).findings.map(\.state) == [.ok])
    }

    @Test func whatARaspberrysFirmwareSaysIsUnderstood() {
        func states(_ bits: UInt32) -> [Finding.State] {
            MachineHeat(temperatures: [], raspberry: bits).findings.map(\.state)
        }
        #expect(states(0) == [.ok, .ok])
        #expect(states(0x5_0005) == [.warning, .problem])
        #expect(states(0x5_0000) == [.warning, .warning])
        #expect(states(0x1_0000) == [.ok, .warning])
        #expect(states(0x8) == [.warning, .ok])
    }

    @Test func whatTheSystemTellsOfHeatIsRead() throws {
        let folder = try TemporaryFolder()
        func put(_ path: String, _ text: String) throws {
            let file = "\(folder.path)/\(path)"
            try FileManager.default.createDirectory(
                atPath: PathName.parent(of: file), withIntermediateDirectories: true)
            try Data("\(text)\n".utf8).write(to: URL(filePath: file))
        }
        try put("thermal/thermal_zone0/type", "cpu-thermal")
        try put("thermal/thermal_zone0/temp", "61500")
        try put("thermal/thermal_zone0/trip_point_0_type", "critical")
        try put("thermal/thermal_zone0/trip_point_0_temp", "110000")
        try put("thermal/thermal_zone0/trip_point_1_type", "passive")
        try put("thermal/thermal_zone0/trip_point_1_temp", "85000")
        try put("thermal/cooling_device0/type", "pwm-fan")
        try put("thermal/cooling_device0/cur_state", "3")
        try put("thermal/cooling_device1/type", "cpufreq-cpu0")
        try put("thermal/cooling_device1/cur_state", "2")
        try put("platform/soc/soc:firmware/get_throttled", "50005")
        let heat = MachineHeat.read(thermal: "\(folder.path)/thermal", platform: "\(folder.path)/platform")
        #expect(heat.temperatures.map(\.celsius) == [61.5] && heat.passiveCelsius == ["cpu-thermal": 85])
        #expect(heat.slowing == ["cpufreq-cpu0"] && heat.raspberry == 0x50005)
    }

    @Test func memoryIsHeldAgainstWhatTheConfigurationAllows() {
        func state(_ available: Int, _ proof: Int?) -> Finding.State {
            MachineMemory(availableByteCount: available, proofByteCount: proof).finding.state
        }
        #expect(state(2 << 30, 1 << 30) == .ok && state(512 << 20, 1 << 30) == .warning)
        #expect(state(512 << 20, nil) == .ok && state(32 << 20, nil) == .problem)
    }

    @Test func aModelIsHeldAgainstTheRateThatIsAskedOfIt() {
        let model = ModelID(name: "digits", version: 1, digest: Digest(of: []))
        func state(_ milliseconds: Double, _ rate: Double?, duty: Double = 1) -> Finding.State {
            ModelTrial(
                model: model, p50Seconds: milliseconds / 1000, pace: LoopPace(rateMax: rate, dutyCycle: duty)
            ).finding.state
        }
        #expect(state(150, 5) == .ok && state(250, 5) == .warning && state(250, nil) == .ok)
        #expect(state(150, 5, duty: 0.5) == .warning && state(90, 5, duty: 0.5) == .ok)
    }
}

/// A folder that is removed with the value.
private final class TemporaryFolder {
    let path: String

    init() throws {
        let made = FileManager.default.temporaryDirectory.path + "/gleaner doctor-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: made, withIntermediateDirectories: true)
        // As the system names it: mounts know of no links.
        path = URL(filePath: made).resolvingSymlinksInPath().path(percentEncoded: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
