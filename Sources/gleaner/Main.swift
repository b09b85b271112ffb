import ArgumentParser
import Dispatch
import GleanerRuntime

/// Where the process begins.
@main enum Main {
    static func main() {
        // The walls around a model are put up a thread at a time, so before anything that starts threads.
        if IsolatedModelServer.isCalled { IsolatedModelServer.main() }
        let end = DispatchSemaphore(value: 0)
        // Not on this thread, which waits.
        Task.detached {
            await Gleaner.main()
            end.signal()
        }
        end.wait()
    }
}
