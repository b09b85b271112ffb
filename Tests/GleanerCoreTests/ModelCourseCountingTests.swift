import GleanerCore
import Testing

/// Frames, crashes and power cuts of a model's first time in service.
@Suite struct ModelCourseCountingTests {
    private typealias Event = ModelCourse.Event

    private static let probation: [Event] = [.proved, .gated, ModelCourseTests.plain]

    private func started(_ boots: String...) -> [Event] { boots.map { .started(boot: $0) } }

    // MARK: Frames

    @Test func aModelAloneIsConfirmedAtOnce() {
        for inShadow in [false, true] {
            var course = ModelCourseTests.course([.proved])
            let action = course.handle(.activated(inShadow: inShadow, isAlone: true))
            #expect(action == .serve && course.stage == .confirmed)
        }
    }

    @Test func framesOfTheProbationAddUpUntilItIsConfirmed() {
        var limits = ModelCourse.Limits()
        limits.probationFrameCount = 30
        var course = ModelCourseTests.course(Self.probation)
        for (frameCount, sum) in [(10, 10), (0, 10), (19, 29)] {
            let action = course.handle(.served(frameCount: frameCount), limits: limits)
            #expect(action == .none && course.stage == .probation && course.servedCount == sum)
        }
        let action = course.handle(.served(frameCount: 1), limits: limits)
        #expect(action == .none && course.stage == .confirmed && course.servedCount == 0)
    }

    @Test func framesOfTheShadowLeadToAProbationThatCountsAnew() {
        var limits = ModelCourse.Limits()
        (limits.shadowFrameCount, limits.probationFrameCount) = (5, 7)
        var course = ModelCourseTests.course([.proved, .gated, ModelCourseTests.inShadow])
        let early = course.handle(.asked(frameCount: 4), limits: limits)
        #expect(early == .none && course.stage == .shadow && course.servedCount == 4)
        // More than enough for both: those of the shadow do not count for the probation.
        let enough = course.handle(.asked(frameCount: 100), limits: limits)
        #expect(enough == .serve && course.stage == .probation && course.servedCount == 0)
        // What the shadow's process tells late is no frame that it served.
        let late = course.handle(.asked(frameCount: 100), limits: limits)
        #expect(late == .none && course.stage == .probation && course.servedCount == 0)
    }

    @Test func aProbationThatIsBegunAnewCountsAnew() {
        var course = ModelCourseTests.course(Self.probation + [.served(frameCount: 150), .replaced])
        #expect(course.stage == .gated && course.servedCount == 0)
        let action = course.handle(ModelCourseTests.plain)
        #expect(action == .serve && course == ModelCourseTests.course(Self.probation))
    }

    @Test func activatingAModelInProbationLetsItsCountsStand() {
        let before = ModelCourseTests.course(Self.probation + started("1", "1") + [.served(frameCount: 9)])
        var course = before
        let action = course.handle(ModelCourseTests.plain)
        #expect(action == .none && course == before)
    }

    // MARK: Crashes

    @Test func twoDeathsInOneBootTakeAModelBack() {
        var course = ModelCourseTests.course(Self.probation)
        for crashCount in [0, 1] {
            let action = course.handle(.started(boot: "a"))
            #expect(action == .none && course.crashCount == crashCount && course.openBoot == "a")
        }
        let action = course.handle(.started(boot: "a"))
        #expect(action == .goBack(reason: "the collector died 2 times under it"))
        #expect(course.stage == .rejected && course.failedInService && course.openBoot == nil)
    }

    @Test func threePowerCutsTakeAModelBack() {
        var course = ModelCourseTests.course(Self.probation + started("a", "b", "c"))
        #expect(course.stage == .probation && course.cutCount == 2 && course.crashCount == 0)
        let action = course.handle(.started(boot: "d"))
        #expect(action == .goBack(reason: "the collector or the machine went down 3 times under it"))
        #expect(course.stage == .rejected && course.failedInService)
    }

    /// Starts by their boots, and whether the last one takes the model back.
    @Test(
        arguments: [
            ("a", false), ("aa", false), ("aaa", true),
            ("ab", false), ("abc", false), ("abcd", true),
            // A crash and two cuts, in any order.
            ("aabc", true), ("abbc", true), ("abcc", true), ("aab", false), ("abb", false),
            // Two crashes, with a cut between.
            ("aabb", true),
            // A boot that comes again is another than the one before.
            ("aba", false), ("abab", true),
        ])
    func crashesAndCutsCountTogether(boots: String, isTakenBack: Bool) {
        var course = ModelCourseTests.course(Self.probation)
        var actions: [ModelCourse.Action] = []
        for boot in boots { actions.append(course.handle(.started(boot: String(boot)))) }
        #expect(actions.dropLast().allSatisfy { $0 == .none })
        #expect((actions.last != ModelCourse.Action.none) == isTakenBack)
        #expect((course.stage == .rejected) == isTakenBack)
    }

    @Test func aCleanStopIsNoDeath() {
        var course = ModelCourseTests.course(Self.probation)
        for boot in ["a", "a", "b", "b", "b", "c"] {
            let began = course.handle(.started(boot: boot))
            #expect(began == .none && course.openBoot == boot)
            let ended = course.handle(.stopped)
            #expect(ended == .none && course.openBoot == nil)
        }
        #expect(course.stage == .probation && course.crashCount == 0 && course.cutCount == 0)
    }

    @Test func aCleanStopDoesNotMakeUpForDeathsBefore() {
        let events = started("a", "a") + [.stopped] + started("a")
        var course = ModelCourseTests.course(Self.probation + events)
        #expect(course.crashCount == 1)
        let action = course.handle(.started(boot: "a"))
        #expect(action == .goBack(reason: "the collector died 2 times under it"))
    }

    @Test func everyActivationCountsAnew() {
        let before = Self.probation + started("a", "a", "b")
        for between in [Event.replaced, .served(frameCount: 200)] {
            var course = ModelCourseTests.course(before + [between, ModelCourseTests.plain])
            #expect(course == ModelCourseTests.course(Self.probation))
            let action = course.handle(.started(boot: "b"))
            #expect(action == .none && course.crashCount == 0 && course.cutCount == 0)
        }
    }

    @Test func deathsUnderAConfirmedModelAreNotItsOwn() {
        var course = ModelCourseTests.course([.proved, ModelCourseTests.alone])
        for boot in ["a", "a", "a", "b", "c", "d"] {
            let action = course.handle(.started(boot: boot))
            #expect(action == .none)
        }
        #expect(course == ModelCourseTests.course([.proved, ModelCourseTests.alone]))
    }

    @Test func theLimitsSayHowManyDeathsAreTooMany() {
        var limits = ModelCourse.Limits()
        (limits.crashCountMax, limits.cutCountMax) = (4, 5)
        var course = ModelCourseTests.course(Self.probation)
        for _ in 0..<4 {
            let action = course.handle(.started(boot: "a"), limits: limits)
            #expect(action == .none)
        }
        let action = course.handle(.started(boot: "a"), limits: limits)
        #expect(action == .goBack(reason: "the collector died 4 times under it"))
    }
}
