public import Logging
public import ServiceLifecycle
import UnixSignals

/// A collector as a service: it ends cleanly when the process is asked to.
public struct CollectorService: Service {
    private let collector: Collector

    public init(_ collector: Collector) { self.collector = collector }

    public func run() async throws {
        try await withGracefulShutdownHandler {
            try await collector.run()
        } onGracefulShutdown: {
            collector.requestStop()
        }
    }

    /// Runs a collector until it ends or the process gets SIGINT or SIGTERM.
    public static func run(_ collector: Collector, logger: Logger) async throws {
        let service = ServiceGroupConfiguration.ServiceConfiguration(
            service: CollectorService(collector), successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .cancelGroup)
        var quiet = logger
        quiet.logLevel = .error
        let group = ServiceGroup(
            configuration: .init(services: [service], gracefulShutdownSignals: [.sigint, .sigterm], logger: quiet))
        try await group.run()
    }
}
