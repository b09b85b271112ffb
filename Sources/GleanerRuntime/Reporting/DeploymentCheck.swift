import Foundation
public import GleanerCore
import GleanerInference
import GleanerStore

/// Looks for everything that could keep a deployment from collecting, and names the remedy for each.
public enum DeploymentCheck {
    /// All problems of a folder, even when it cannot be opened.
    public static func problems(of folder: String, registries: Registries = .standard) -> [Problem] {
        do {
            let (_, problems) = try Configuration.read(folder: folder, registries: registries)
            // A queue is opened only with a configuration that can be trusted.
            guard problems.isEmpty else { return problems }
            let deployment = try Deployment(opening: folder, registries: registries)
            return Self.problems(of: deployment) + sourceProblems(of: deployment) + loadedModel(of: deployment).problems
        } catch {
            return [problem("deployment", error)]
        }
    }

    /// What is quick to see of an open deployment.
    static func problems(of deployment: Deployment) -> [Problem] {
        var found: [Problem] = []
        if deployment.configuration.source == nil {
            found.append(
                Problem(
                    path: "source", message: "no source is configured",
                    remedy: "add `source: folder:PATH` to gleaner.yaml"))
        }
        do {
            if !givesPredictions(deployment), try deployment.store.activeModel() == nil {
                found.append(
                    Problem(path: "model", message: "no model is active", remedy: "gleaner model import BUNDLE"))
            }
            let status = try deployment.store.status()
            if status.quarantineCount > 0 {
                found.append(
                    Problem(
                        path: "quarantine", message: "\(status.quarantineCount) unreadable things were put aside",
                        remedy: "look at quarantine/; check the disk or the card"))
            }
            let free = status.disk.volumeFree
            if free < deployment.configuration.storage.keepFreeByteCount {
                found.append(
                    Problem(
                        path: "disk",
                        message: "only \(ByteCount.format(free)) are free, less than storage.keep_free",
                        remedy: "free space on the volume, or lower storage.keep_free"))
            }
        } catch {
            found.append(problem("queue", error))
        }
        if Timestamp.now() < clockFloor {
            found.append(
                Problem(
                    path: "clock", message: "the wall clock says \(Timestamp.now())",
                    remedy: "set it; nothing is lost or misordered meanwhile"))
        }
        return found
    }

    /// No device that runs this was made before 2025.
    private static let clockFloor = Timestamp(milliseconds: 1_735_689_600_000)

    /// Whether no model is asked here.
    private static func givesPredictions(_ deployment: Deployment) -> Bool {
        deployment.configuration.source?.givesPredictions == true
    }

    /// What would keep the source from opening, as far as that can be seen without opening it.
    private static func sourceProblems(of deployment: Deployment) -> [Problem] {
        (deployment.configuration.source?.each ?? []).compactMap { source in
            do {
                try source.check(deployment.folder)
                return nil
            } catch {
                return problem("source", error)
            }
        }
    }

    /// The active model, loaded and tried once, and what is wrong with it or with what runs it; no model and no problem
    /// where none is to run here.
    static func loadedModel(of deployment: Deployment) -> (model: LoadedModel?, problems: [Problem]) {
        guard !givesPredictions(deployment) else { return (nil, []) }
        let engine: OnnxEngine
        do {
            engine = try deployment.engine()
        } catch {
            return (nil, [problem("inference", error)])
        }
        do {
            guard let bundle = try deployment.store.activeModel() else { return (nil, []) }
            let model = try LoadedModel(bundle, engine: engine, registries: deployment.registries)
            let problems = model.setbacks.map { setback in
                var problem = problem("inference.providers", setback)
                problem.message = "the model runs on cpu instead: \(problem.message)"
                return problem
            }
            return (model, problems)
        } catch {
            return (nil, [problem("model", error)])
        }
    }

    static func problem(_ path: String, _ error: any Error) -> Problem {
        let known = error as? GleanerError
        let cause = known?.cause.map { ": \($0)" } ?? ""
        return Problem(path: path, message: (known?.message ?? "\(error)") + cause, remedy: known?.remedy ?? "")
    }
}
