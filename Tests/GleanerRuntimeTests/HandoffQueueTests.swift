import Foundation
import Testing

@testable import GleanerRuntime

@Suite struct HandoffQueueTests {
    @Test func whatWasPushedBeforeTheCloseIsStillTaken() {
        let queue = HandoffQueue<Int>(countMax: 3)
        #expect(queue.push(1))
        #expect(queue.push(2))
        queue.close()
        #expect(!queue.push(3))
        #expect(queue.pop() == 1)
        #expect(queue.popAll(lingerSeconds: 0) == [2])
        #expect(queue.pop() == nil)
        #expect(queue.popAll(lingerSeconds: 0) == nil)
    }

    @Test func whatSeveralProduceComesInItsOrder() {
        let queue = HandoffQueue<UInt64>(countMax: 2)
        let source = HandoffQueue<UInt64>(countMax: 4)
        for _ in 0..<3 {
            Thread {
                // Whoever has an odd number takes its time.
                while let number = source.pop() {
                    if number % 2 == 1 { sched_yield() }
                    _ = queue.push(number, inTurn: number)
                }
            }.start()
        }
        Thread { for number in 1...1000 { _ = source.push(UInt64(number)) } }.start()
        #expect((1...1000).map { _ in queue.pop() } == (1...1000).map { UInt64($0) })
        source.close()
        queue.close()
        #expect(!queue.push(1001, inTurn: 1001))
        #expect(!queue.push(1003, inTurn: 1003), "it waits for one that never comes")
    }

    @Test func aFullQueueHoldsItsProducerBackAndLosesNothing() {
        let queue = HandoffQueue<Int>(countMax: 2)
        let producer = Thread {
            for number in 0..<1000 { _ = queue.push(number) }
            queue.close()
        }
        producer.start()
        var taken: [Int] = []
        while let group = queue.popAll(lingerSeconds: 0.001) {
            #expect(group.count <= 2)
            taken += group
        }
        #expect(taken == Array(0..<1000))
    }
}
