import GleanerCore
import Synchronization
import Testing

@Suite struct WorkersTests {
    private struct Fault: Error, Equatable { var number: Int }

    @Test(arguments: [0, 1, 3, 1_000])
    func everyElementIsTakenOnce(count: Int) throws {
        let taken = Mutex<[Int]>([])
        try Workers.forEach(Array(0..<count)) { element in taken.withLock { $0.append(element) } }
        #expect(taken.withLock { $0.sorted() } == Array(0..<count))
    }

    @Test func theFirstFailureIsTheOneThatIsThrown() {
        // Element 0 fails last, and still counts.
        #expect(throws: Fault(number: 0)) {
            try Workers.forEach([0, 1]) { throw Fault(number: $0) }
        }
        #expect(throws: Fault(number: 500)) {
            try Workers.forEach(Array(0..<1_000)) { if $0 == 500 { throw Fault(number: $0) } }
        }
    }
}
