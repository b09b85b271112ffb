import GleanerCore
import Testing

/// Whatever happens to a model, in whatever order, some things hold.
@Suite struct ModelCourseWalkTests {
    private typealias Event = ModelCourse.Event

    @Test(arguments: [UInt64(20_250_701)]) func whateverHappensTheCourseHolds(seed: UInt64) throws {
        var numbers = FixedNumbers(state: seed)
        var (served, wentBack, confirmed) = (0, 0, 0)
        for walk in 0..<20_000 {
            let limits = Self.limits(&numbers)
            var course = ModelCourse()
            var wasProved = false
            let stepCount = Int.random(in: 1...60, using: &numbers)
            let restart = Int.random(in: 0..<stepCount, using: &numbers)
            var restarted: ModelCourse?
            for step in 0..<stepCount {
                if step == restart {
                    let data = try CanonicalJSON.encode(course)
                    restarted = try CanonicalJSON.decode(ModelCourse.self, from: data, named: "a course")
                }
                let event = Self.event(&numbers)
                let before = course
                let action = course.handle(event, limits: limits)
                if event == .proved, before.stage == .staged { wasProved = true }
                if before.stage == .rejected, course.stage == .staged { wasProved = false }
                let broken = Self.broken(before, event, action, course, wasProved: wasProved)
                try #require(broken == nil, "seed \(seed), walk \(walk), step \(step): \(event) in \(before)")
                if let other = restarted?.handle(event, limits: limits) {
                    try #require(other == action && restarted == course, "seed \(seed), walk \(walk), step \(step)")
                }
                if action == .serve { served += 1 }
                if case .goBack = action { wentBack += 1 }
                if before.stage == .probation, course.stage == .confirmed { confirmed += 1 }
            }
        }
        // The walks come everywhere often enough to mean something.
        #expect(served > 10_000 && wentBack > 5_000 && confirmed > 1_000)
    }

    /// What does not hold after an event; `nil` when all does.
    private static func broken(
        _ before: ModelCourse, _ event: Event, _ action: ModelCourse.Action, _ after: ModelCourse, wasProved: Bool
    ) -> String? {
        let holds: [(String, Bool)] = [
            ("another import alone ends a rejection", before.stage != .rejected || after == before || isImport(event)),
            ("it is rejected for a reason", (after.stage == .rejected) == (after.reason != nil)),
            ("only a rejected model failed in service", !after.failedInService || after.stage == .rejected),
            ("frames are counted in shadow and probation", counts(after) || after.servedCount == 0),
            ("no count is negative", min(after.servedCount, after.crashCount, after.cutCount) >= 0),
            ("deaths are counted in probation", counts(after) || after.crashCount + after.cutCount == 0),
            ("a collector is awaited in probation alone", after.openBoot == nil || after.stage == .probation),
            ("what serves was proved", after.stage == .staged || after.stage == .rejected || wasProved),
            ("the action fits", fits(before, event, action, after)),
        ]
        return holds.first { !$0.1 }?.0
    }

    /// A rejected model keeps the counts that it was rejected with.
    private static func counts(_ course: ModelCourse) -> Bool {
        [.shadow, .probation, .rejected].contains(course.stage)
    }

    private static func isImport(_ event: Event) -> Bool {
        if case .importedAgain = event { true } else { false }
    }

    private static func fits(
        _ before: ModelCourse, _ event: Event, _ action: ModelCourse.Action, _ after: ModelCourse
    ) -> Bool {
        let serves: Set<ModelCourse.Stage> = [.probation, .confirmed]
        let goesBack = serves.contains(before.stage) && after.stage == .rejected
        return switch (action, event) {
        case (.serve, .activated):
            [.proved, .gated, .shadow, .confirmed].contains(before.stage) && serves.contains(after.stage)
        case (.serve, .asked): before.stage == .shadow && after.stage == .probation
        case (.serve, _): false
        case (.shadow, .activated(inShadow: true, isAlone: false)): after.stage == .shadow
        case (.shadow, _): false
        case (.goBack(let reason), _): goesBack && after.reason == reason
        case (.refuse(let reason), _): after == before && !reason.isEmpty
        // What begins to serve, or is given up while it serves, is told.
        case (.none, _): !goesBack && (serves.contains(before.stage) || !serves.contains(after.stage))
        }
    }

    private static func limits(_ numbers: inout FixedNumbers) -> ModelCourse.Limits {
        var limits = ModelCourse.Limits()
        limits.shadowFrameCount = Int.random(in: 0...20, using: &numbers)
        limits.probationFrameCount = Int.random(in: 0...40, using: &numbers)
        limits.crashCountMax = Int.random(in: 1...3, using: &numbers)
        limits.cutCountMax = Int.random(in: 1...4, using: &numbers)
        return limits
    }

    private static func event(_ numbers: inout FixedNumbers) -> Event {
        switch Int.random(in: 0..<32, using: &numbers) {
        case 0...4: .proved
        case 5...7: .gated
        case 8...11: .activated(inShadow: .random(using: &numbers), isAlone: false)
        case 12: .activated(inShadow: .random(using: &numbers), isAlone: true)
        case 13...16: .started(boot: "\(Int.random(in: 0..<3, using: &numbers))")
        case 17, 18: .stopped
        case 19...22: .served(frameCount: Int.random(in: 0...15, using: &numbers))
        case 23: .failed(reason: "failed")
        case 24: .proofFailed(reason: "proof")
        case 25: .gateFailed(reason: "gate")
        case 26, 27: .replaced
        case 30, 31: .asked(frameCount: Int.random(in: 0...15, using: &numbers))
        default: .importedAgain(insists: Int.random(in: 0..<2, using: &numbers) == 0)
        }
    }
}

/// Numbers that are the same in every run: Knuth's 64-bit linear congruence.
struct FixedNumbers: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 33)
    }
}
