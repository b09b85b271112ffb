import ArgumentParser
import Foundation
import GleanerCore
import GleanerRuntime
import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Collects.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Collect: run the model on frames and keep those worth a label.",
        discussion: """
            It waits for new frames until it is stopped (Ctrl-C, SIGTERM); with --until-end it ends after the last \
            frame that is there now. It always goes on where the last run stopped.

            EXAMPLES
              gleaner run
              gleaner run --source folder:/data/field --until-end
            """)

    @OptionGroup var options: DeploymentOptions
    @Option(help: "Where frames come from instead of the configured source: folder:PATH. Several take turns.")
    var source: [String] = []
    @Flag(help: "End after the last frame that is there now.") var untilEnd = false

    /// Begins again with this process: what a model in probation has left of it is gone then.
    private static func startAnew() throws {
        // Threads of a pool keep signals from themselves, which the new process would take over.
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        execv("/proc/self/exe", CommandLine.unsafeArgv)
        throw GleanerError.system("cannot start anew", CommandLine.arguments[0], errno: errno)
    }

    func run() async throws {
        let deployment = try options.open()
        var logger = Logger(label: "gleaner") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .notice
        let line = Mutex(ProgressLine("frames"))
        let last = Mutex(Collector.Progress())
        let collector = try Collector(
            deployment, source: try Configuration.source(named: source, registries: .standard),
            endsAtLast: untilEnd, logger: logger,
            serviceManager: ServiceManager(environment: ProcessInfo.processInfo.environment)
        ) { progress in
            last.withLock { $0 = progress }
            line.withLock { $0.update(progress.offered, of: progress.remaining.map { $0 + progress.offered }) }
        }
        do {
            try await Services.run(
                [CollectorService(collector), SyncService(deployment, logger: logger)], logger: logger)
        } catch let error as GleanerError where error.code == .collectorAbandoned {
            line.withLock { $0.end() }
            try Self.startAnew()
        }
        line.withLock { $0.end() }
        let progress = last.withLock { $0 }
        try options.print(progress) {
            "\(progress.offered) frames offered: \(progress.stored) stored, \(progress.rejected) rejected, "
                + "\(progress.dropped) dropped."
        }
    }
}
