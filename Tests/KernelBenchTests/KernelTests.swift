import Testing

@testable import KernelBench

@Suite struct KernelTests {
    @Test(arguments: Kernel.makers.map(\.key))
    func aKernelGivesWhatThePlainLoopGives(name: String) throws {
        for seed: UInt64 in 1...3 {
            let kernel = try Kernel.make(name, seed: seed)
            #expect(kernel.difference() <= kernel.bound, "of seed \(seed)")
        }
    }
}
