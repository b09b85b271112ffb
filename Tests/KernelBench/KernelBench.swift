import Foundation
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Times the loop's kernels beside plain loops and FFmpeg's scaler, and prints one JSON object.
///
///     KernelBench                    medians of paired ratios; more than 1: the kernel is faster
///     KernelBench names              of the kernels
///     KernelBench seconds NAME COUNT the processor's seconds of so many runs
///     KernelBench once NAME          one run after a first one that sets it up, for tools that count instructions
@main
struct KernelBench {
    private static let seed: UInt64 = 1
    private static let roundCount = 7
    /// How long a side is run at a time.
    private static let turnSeconds = 0.02

    static func main() {
        let words = CommandLine.arguments.dropFirst()
        do {
            switch (words.first, words.dropFirst().first, words.dropFirst(2).first.flatMap { Int($0) }) {
            case (nil, _, _): try compareAll()
            case ("names", _, _): for (name, _) in Kernel.makers { print(name) }
            case ("seconds", let name?, let count?): try time(Kernel.make(name, seed: seed), count)
            case ("once", let name?, _): try once(Kernel.make(name, seed: seed))
            default: fail("usage: KernelBench [names | seconds NAME COUNT | once NAME]")
            }
        } catch {
            fail("\(error)")
        }
    }

    private static func fail(_ message: String) {
        FileHandle.standardError.write(Data("\(message)\n".utf8))
        exit(1)
    }

    private static func once(_ kernel: Kernel) {
        let first = kernel.work()
        guard measuredRun(kernel) == first else { return fail("a second run gives something else") }
    }

    /// Instructions are counted from here on; see instructions.sh.
    @inline(never)
    private static func measuredRun(_ kernel: Kernel) -> Float { kernel.work() }

    // MARK: Time

    private static func time(_ kernel: Kernel, _ count: Int) {
        _ = kernel.work()
        print(seconds(count, kernel.work))
    }

    private static func compareAll() throws {
        var rows: [String: JSONValue] = [:]
        for (name, _) in Kernel.makers {
            let kernel = try Kernel.make(name, seed: seed)
            var row = compare(kernel.work, kernel.plain, "plain")
            #if Video
                if let filling = kernel.filling, let scaler = SwscaleResize(filling.frame, filling.spec) {
                    row.merge(compare(kernel.work, scaler.run, "swscale")) { first, _ in first }
                }
            #endif
            rows[name] = .object(row)
        }
        print(String(decoding: try CanonicalJSON.encode(JSONValue.object(rows)), as: UTF8.self))
    }

    /// Both in turn, every second round the other way round, after one that does not count.
    private static func compare(
        _ ours: () -> Float, _ theirs: () -> Float, _ name: String
    ) -> [String: JSONValue] {
        let counts = (count(ours), count(theirs))
        var found: [(ours: Double, theirs: Double)] = []
        for round in 0...roundCount {
            var pair = (ours: 0.0, theirs: 0.0)
            if round.isMultiple(of: 2) { pair.ours = seconds(counts.0, ours) / Double(counts.0) }
            pair.theirs = seconds(counts.1, theirs) / Double(counts.1)
            if !round.isMultiple(of: 2) { pair.ours = seconds(counts.0, ours) / Double(counts.0) }
            if round > 0 { found.append(pair) }
        }
        return [
            "us": .number(rounded(1e6 * median(found.map(\.ours)))),
            "\(name)_us": .number(rounded(1e6 * median(found.map(\.theirs)))),
            "vs_\(name)": .number(rounded(median(found.map { $0.theirs / $0.ours }))),
        ]
    }

    /// How many runs fill a turn.
    private static func count(_ work: () -> Float) -> Int {
        _ = work()
        return max(1, Int(turnSeconds / max(seconds(1, work), 1e-9)))
    }

    /// The thread's own time: what else the machine does counts less.
    private static func seconds(_ count: Int, _ work: () -> Float) -> Double {
        let begin = processorSeconds()
        for _ in 0..<count { _ = work() }
        return processorSeconds() - begin
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
