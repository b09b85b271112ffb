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

}

/// The services of one process.
public enum Services {
    /// Runs services until the first of them ends or the process gets SIGINT or SIGTERM; then the others end too.
    public static func run(_ services: [any Service], logger: Logger) async throws {
        var quiet = logger
        quiet.logLevel = .error
        let group = ServiceGroup(
            configuration: .init(
                services: services.map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup)
                }, gracefulShutdownSignals: [.sigint, .sigterm], logger: quiet))
        try await group.run()
    }
}
