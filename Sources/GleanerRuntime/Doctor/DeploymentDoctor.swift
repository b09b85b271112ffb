import Foundation
import GleanerCapture
import GleanerCore
import GleanerStore

/// Tries what a check only looks at: the disk, the clock, the source, the model, on the machine as it is now.
///
/// It takes some seconds, writes a file of up to 32 MiB in the deployment's folder and removes it, and keeps no frame.
public enum DeploymentDoctor {
    /// How long a source is waited for.
    public static let sourceSecondsStandard = 20.0

    /// Looks at one part after the other and hands out what it finds, problems of ``DeploymentCheck`` included.
    ///
    /// - Parameters:
    ///   - folder: The deployment's. Of one that cannot be opened it finds why, and how its disk and machine are.
    ///   - sourceSecondsMax: So long a source may take for its first frame.
    ///   - found: Called for each as it is found.
    public static func examine(
        _ folder: String, registries: Registries = .standard, sourceSecondsMax: Double = sourceSecondsStandard,
        found: (Finding) -> Void
    ) async {
        let configuration: Configuration
        do {
            let (read, problems) = try Configuration.read(folder: folder, registries: registries)
            guard problems.isEmpty else {
                problems.forEach { found(Finding($0)) }
                return examineMachine(folder, found: found)
            }
            configuration = read
        } catch {
            // In what is no deployment nothing is written.
            return found(Finding(DeploymentCheck.problem("deployment", error)))
        }
        do {
            let deployment = try Deployment(opening: folder, registries: registries)
            await examine(deployment, sourceSecondsMax, found)
        } catch {
            found(Finding(DeploymentCheck.problem("deployment", error)))
            examineDisk(folder, roomByteCount: 4 << 20, found)
            examineMachine(folder, memory: configuration.models.proof.memoryByteCount, found: found)
        }
    }

    private static func examine(
        _ deployment: Deployment, _ sourceSecondsMax: Double, _ found: (Finding) -> Void
    ) async {
        let problems = DeploymentCheck.problems(of: deployment)
        problems.forEach { found(Finding($0)) }
        do {
            let status = try deployment.store.status()
            let room = DiskRoom(
                usedByteCount: status.disk.used, freeByteCount: status.disk.volumeFree,
                quotaByteCount: status.quotaByteCount, keepFreeByteCount: status.keepFreeByteCount)
            if !problems.contains(where: { $0.path == "disk" }) { found(room.finding) }
            examineDisk(deployment.folder, roomByteCount: room.byteCount, found)
        } catch {
            found(Finding(DeploymentCheck.problem("queue", error)))
        }
        let isClockKnown = problems.contains { $0.path == "clock" }
        if !isClockKnown { found(ClockReading(newest: try? deployment.store.newestTime()).finding) }
        if let collector = DeploymentLock.holder(of: .collector, in: deployment.store.folder) {
            examine(collector, of: deployment, found)
        } else {
            let slot = await examineSource(of: deployment, sourceSecondsMax, found)
            examineModel(of: deployment, on: slot, found)
        }
        let proof =
            deployment.configuration.source?.givesPredictions == true ? nil : deployment.configuration.models.proof
        examineMachine(deployment.folder, memory: proof?.memoryByteCount, found: found)
    }

    /// A collector that has frames writes its report twice a minute.
    private static let reportMillisecondsMax: Int64 = 90_000

    // MARK: Parts

    private static func examineDisk(_ folder: String, roomByteCount: Int, _ found: (Finding) -> Void) {
        let disk = MountedDisk.of(folder)
        var honesty = FlushHonesty(disk: disk, preload: ProcessInfo.processInfo.environment["LD_PRELOAD"] ?? "")
        honesty.upper = disk?.option("upperdir").flatMap { MountedDisk.of($0) }
        do {
            let trial = try DiskTrial(in: folder, roomByteCount: roomByteCount)
            honesty.p50Seconds = trial.flush.percentile(0.5)
            found(honesty.finding)
            found(trial.speed)
        } catch {
            found(honesty.finding)
            found(Finding(DeploymentCheck.problem("disk.speed", error)))
        }
    }

    private static func examineMachine(_ folder: String, memory: Int? = nil, found: (Finding) -> Void) {
        found(MachineMemory(availableByteCount: ProcessMemory.availableByteCount, proofByteCount: memory).finding)
        MachineHeat.read().findings.forEach(found)
    }

    /// A collector has the source and the processor: what it says of itself counts.
    private static func examine(_ collector: String, of deployment: Deployment, _ found: (Finding) -> Void) {
        let loop = try? deployment.loopReport()
        let name = deployment.configuration.source?.name ?? "the source"
        let isNew = loop.map { Timestamp.now().milliseconds - $0.at.milliseconds < reportMillisecondsMax } ?? false
        let rate = isNew ? loop?.framesPerSecond ?? 0 : 0
        if rate > 0 {
            found(
                Finding(
                    "source", .ok, "\(name) is the collector's (\(collector)), and gave \(rate) frames a second lately",
                    measured: ["frames_per_second": rate]))
        } else {
            found(
                Finding(
                    "source", .warning, "\(name) is the collector's (\(collector)), which had no frame lately",
                    remedy: "stop the collector and try again: then the source itself is tried"))
        }
        guard let line = loop?.stages.first(where: { $0.stage == Stage.infer.name }),
            let model = try? deployment.store.slot(in: .active)?.id
        else { return }
        let pace = deployment.configuration.inference.pace
        found(ModelTrial(model: model, p50Seconds: line.p50, pace: pace, isCollectors: true).finding)
    }

    private static func examineSource(
        of deployment: Deployment, _ secondsMax: Double, _ found: (Finding) -> Void
    ) async -> FrameSlot? {
        var judged: FrameSlot?
        for source in deployment.configuration.source?.each ?? [] {
            do {
                try source.check(deployment.folder)
            } catch {
                found(Finding(DeploymentCheck.problem("source", error)))
                continue
            }
            let trial = await SourceTrial(source, in: deployment.folder, secondsMax: secondsMax)
            found(trial.finding(cameras: Camera.list()))
            if case .frame(let slot, _) = trial.outcome { judged = judged ?? slot }
        }
        return judged
    }

    private static func examineModel(of deployment: Deployment, on slot: FrameSlot?, _ found: (Finding) -> Void) {
        let (model, problems) = DeploymentCheck.loadedModel(of: deployment)
        problems.forEach { found(Finding($0)) }
        guard let model else { return }
        do {
            found(try ModelTrial(model, on: slot, pace: deployment.configuration.inference.pace).finding)
        } catch {
            found(Finding(DeploymentCheck.problem("model", error)))
        }
    }
}
