import Foundation
import GleanerCore
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct ChildProcessTests {
    /// A shell that answers through its standard input, which is a socket.
    private func shell(_ script: String) throws -> ChildProcess {
        try ChildProcess("/bin/sh", arguments: ["sh", "-c", "exec 1>&0; \(script)"])
    }

    /// So much later that no test comes here unless something hangs.
    private var farDeadline: ContinuousClock.Instant { .now + .seconds(60) }
    private var nearDeadline: ContinuousClock.Instant { .now + .milliseconds(50) }
    private var pastDeadline: ContinuousClock.Instant { .now - .seconds(1) }

    private func line(
        of process: inout ChildProcess, byteCountMax: Int = 1000, before deadline: ContinuousClock.Instant? = nil
    ) throws -> String {
        let data = try process.line(byteCountMax: byteCountMax, before: deadline ?? farDeadline)
        return String(decoding: data, as: UTF8.self)
    }

    /// Why `body` got nothing; `nil` when it threw nothing, or something else.
    private func silence(of body: () throws -> Void) -> ChildProcess.Silence? {
        do {
            try body()
            return nil
        } catch { return error as? ChildProcess.Silence }
    }

    private func send(
        _ bytes: [UInt8], to process: borrowing ChildProcess, before deadline: ContinuousClock.Instant? = nil
    ) throws {
        try bytes.withUnsafeBytes { try process.send($0, before: deadline ?? farDeadline) }
    }

    private func isGone(_ id: pid_t) -> Bool { kill(id, 0) != 0 && errno == ESRCH }

    // MARK: Lines

    @Test func linesComeOneByOneHoweverTheyWereWritten() throws {
        var process = try shell(#"printf 'one\ntw'; printf 'o\n\nfour\nrest'"#)
        for expected in ["one", "two", "", "four"] { #expect(try line(of: &process) == expected) }
        // What has no end is no line.
        #expect(silence { _ = try line(of: &process) } == .ended)
    }

    @Test func itAnswersWhatItIsSent() throws {
        var process = try shell("while read word; do echo \"<$word>\"; done")
        for word in ["a", "bc", "def"] {
            try send(Array("\(word)\n".utf8), to: process)
            #expect(try line(of: &process) == "<\(word)>")
        }
    }

    @Test func argumentsArriveAsTheyAre() throws {
        let words = ["sh", "-c", "exec 1>&0; echo \"$0|$1|$2|$#\"", "a b", "", "$HOME\"'"]
        var process = try ChildProcess("/bin/sh", arguments: words)
        #expect(try line(of: &process) == "a b||$HOME\"'|2")
    }

    @Test func whatWasReceivedIsReadEvenAfterTheDeadline() throws {
        var process = try shell(#"printf 'one\ntwo\n'; exec sleep 600"#)
        #expect(try line(of: &process) == "one")
        #expect(try line(of: &process, before: pastDeadline) == "two")
    }

    /// Lines by their length, and whether they are let in where 100 bytes are allowed.
    @Test(arguments: [(1, true), (99, true), (100, true), (101, false), (5000, false), (100_000, false)])
    func aLineMayBeSoLongAndNoLonger(byteCount: Int, isLetIn: Bool) throws {
        // Both lines are written at once, so that the second one's end is there when it is looked for.
        var process = try shell("printf 'ready\\n%0\(byteCount)d\\n' 0")
        #expect(try line(of: &process) == "ready")
        var text: String?
        let silence = silence { text = try line(of: &process, byteCountMax: 100) }
        #expect(text == (isLetIn ? String(repeating: "0", count: byteCount) : nil))
        #expect(silence == (isLetIn ? nil : .tooLong))
    }

    @Test func aLineWithoutEndIsTooLongWhenItIs() throws {
        for (byteCount, expected) in [(100, ChildProcess.Silence.ended), (101, .tooLong), (300_000, .tooLong)] {
            var process = try shell("head -c \(byteCount) /dev/zero")
            #expect(silence { _ = try line(of: &process, byteCountMax: 100) } == expected, "\(byteCount) bytes")
        }
    }

    // MARK: Silence

    @Test func oneThatDoesNotAnswerIsLate() throws {
        var process = try shell("exec sleep 600")
        #expect(silence { _ = try line(of: &process, before: pastDeadline) } == .late)
        let began = ContinuousClock.now
        #expect(silence { _ = try line(of: &process, before: .now + .milliseconds(50)) } == .late)
        #expect((.milliseconds(50)..<Duration.seconds(30)).contains(.now - began))
    }

    @Test func oneThatIsGoneHasEnded() throws {
        var process = try shell("exit 0")
        #expect(silence { _ = try line(of: &process) } == .ended)
        #expect(silence { _ = try line(of: &process) } == .ended)
    }

    @Test func oneThatClosesItsEndHasEnded() throws {
        var process = try shell("exec 0<&- 1>&-; exec sleep 600")
        #expect(silence { _ = try line(of: &process) } == .ended)
    }

    // MARK: Sending

    @Test func aMegabyteArrives() throws {
        var process = try shell("head -c 1048576 | tail -c 3; exec sleep 600")
        try send([UInt8](repeating: UInt8(ascii: "."), count: (1 << 20) - 3) + Array("ok\n".utf8), to: process)
        #expect(try line(of: &process) == "ok")
    }

    @Test func aMegabyteToOneThatNeverReadsIsLate() throws {
        var process = try shell("echo ready; exec sleep 600")
        #expect(try line(of: &process) == "ready")
        let bytes = [UInt8](repeating: 0, count: 1 << 20)
        #expect(silence { try send(bytes, to: process, before: nearDeadline) } == .late)
        #expect(silence { try send(bytes, to: process, before: pastDeadline) } == .late)
    }

    /// A signal for a closed pipe would end the whole process.
    @Test func sendingToOneThatIsGoneIsAnErrorAndNoSignal() throws {
        var process = try shell("exit 3")
        #expect(silence { _ = try line(of: &process) } == .ended)
        for _ in 0..<3 {
            #expect(silence { try send([UInt8](repeating: 0, count: 1 << 20), to: process) } == .ended)
        }
        let ending = process.end().ending
        #expect(ending == .exited(status: 3))
    }

    // MARK: How it ends

    @Test(
        arguments: [
            ("exit 0", .exited(status: 0)), ("exit 7", .exited(status: 7)), ("exit 255", .exited(status: 255)),
            ("kill -SEGV $$", .signalled(SIGSEGV)), ("kill -KILL $$", .signalled(SIGKILL)),
            ("kill -TERM $$", .signalled(SIGTERM)), ("kill -PIPE $$", .signalled(SIGPIPE)),
            ("read word; exit 5", .exited(status: 5)),
        ] as [(String, ChildProcess.Ending)])
    func howItEndedIsSeen(script: String, expected: ChildProcess.Ending) throws {
        var process = try shell("echo ready; \(script)")
        #expect(try line(of: &process) == "ready")
        let first = process.end()
        #expect(first.ending == expected)
        // It has ended once, and that is what is known.
        let second = process.end()
        #expect(second.ending == first.ending && second.memoryByteCount == first.memoryByteCount)
    }

    /// The system begins to count with what this process has.
    @Test func itsMemoryIsItsOwn() throws {
        var small = try shell("exit 0")
        #expect(silence { _ = try line(of: &small) } == .ended)
        let littleByteCount = small.end().memoryByteCount
        #expect(littleByteCount == 0)
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        let megabytes = (usage.ru_maxrss >> 10) + 200
        // dd lets go of its standard input at once: the socket stays open elsewhere until it has ended.
        let command = "exec 3<&0; exec dd if=/dev/zero of=/dev/null bs=\(megabytes)M count=1"
        var large = try ChildProcess("/bin/sh", arguments: ["sh", "-c", command])
        #expect(silence { _ = try line(of: &large) } == .ended)
        let byteCount = large.end().memoryByteCount
        #expect(byteCount > usage.ru_maxrss << 10 && byteCount < (megabytes + 50) << 20)
    }

    @Test func oneThatStaysIsKilled() throws {
        var process = try shell("trap '' TERM HUP; echo ready; exec sleep 600")
        #expect(try line(of: &process) == "ready")
        let ending = process.end().ending
        #expect(ending == .signalled(SIGKILL))
        let isGone = isGone(process.id)
        #expect(isGone)
        #expect(silence { _ = try line(of: &process) } == .ended)
    }

    @Test func nothingIsLeftBehind() throws {
        var ids: [pid_t] = []
        for script in ["exec sleep 600", "exit 1", "echo x; exec sleep 600"] {
            let process = try shell(script)
            ids.append(process.id)
            #expect(!isGone(process.id), "it is at least to be waited for")
        }
        for id in ids { #expect(isGone(id)) }
    }

    @Test func aCallThatThrowsLeavesNothingBehind() throws {
        var id: pid_t = 0
        #expect(throws: ChildProcess.Silence.late) {
            var process = try shell("exec sleep 600")
            id = process.id
            _ = try line(of: &process, before: pastDeadline)
        }
        #expect(id > 0 && isGone(id))
    }

    // MARK: What it is given

    @Test func whatCannotBeStartedIsAnError() throws {
        for path in ["/nowhere/at/all", "/etc/hostname", "/tmp"] {
            let error = gleanerError { _ = try ChildProcess(path, arguments: ["it"]) }
            #expect(error?.code == .fileSystem && error?.message.contains(path) == true)
        }
    }

    @Test func itsOutputsGoNowhere() throws {
        let script = "one=$(readlink /proc/$$/fd/1); two=$(readlink /proc/$$/fd/2); echo \"$one $two\" >&0"
        var process = try ChildProcess("/bin/sh", arguments: ["sh", "-c", script])
        #expect(try line(of: &process) == "/dev/null /dev/null")
    }

    @Test func aKeyPressedAtTheTerminalDoesNotReachIt() throws {
        let process = try shell("exec sleep 600")
        #expect(getpgid(process.id) == process.id)
    }
}
