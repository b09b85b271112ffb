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
