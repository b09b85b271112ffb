import GleanerCore
import Testing

@Suite struct ModelCourseTests {
    typealias Event = ModelCourse.Event
    typealias Stage = ModelCourse.Stage

    static let plain = Event.activated(inShadow: false, isAlone: false)
    static let inShadow = Event.activated(inShadow: true, isAlone: false)
    static let alone = Event.activated(inShadow: false, isAlone: true)

    /// A course that came to a stage the shortest way.
    static func course(at stage: Stage) -> ModelCourse {
        let way: [Event] =
            switch stage {
            case .staged: []
            case .proved: [.proved]
            case .gated: [.proved, .gated]
            case .shadow: [.proved, .gated, inShadow]
            case .probation: [.proved, .gated, plain]
            case .confirmed: [.proved, .gated, alone]
            case .rejected: [.gateFailed(reason: "worse")]
            }
        return course(way)
    }

    static func course(_ events: [Event], limits: ModelCourse.Limits = .init()) -> ModelCourse {
        var course = ModelCourse()
        for event in events { _ = course.handle(event, limits: limits) }
        return course
    }

    private static var limits: ModelCourse.Limits {
        var limits = ModelCourse.Limits()
        (limits.shadowFrameCount, limits.probationFrameCount) = (10, 20)
        return limits
    }

    /// For each event, what becomes of a course in each stage: the next stage, `=` for the same, and the action: `!` it
    /// serves, `~` it goes into the shadow, `<` its predecessor serves again, `?` it is refused.
    static let table: [(event: Event, cells: String)] = [
        //                                  staged   proved     gated      shadow     probation confirmed  rejected
        (.proved, "                         proved   =          =          =          =         =          ="),
        (.proofFailed(reason: "r"), "       rejected rejected   rejected   rejected   rejected< rejected<  ="),
        (.gated, "                          =        gated      =          =          =         =          ="),
        (.gateFailed(reason: "r"), "        rejected rejected   rejected   rejected   rejected< rejected<  ="),
        (plain, "                           staged?  probation! probation! probation! =         probation! rejected?"),
        (inShadow, "                        staged?  shadow~    shadow~    shadow~    =         shadow~    rejected?"),
        (alone, "                           staged?  confirmed! confirmed! confirmed! =         confirmed! rejected?"),
        (.started(boot: "1"), "             =        =          =          =          =         =          ="),
        (.stopped, "                        =        =          =          =          =         =          ="),
        (.asked(frameCount: 9), "           =        =          =          =          =         =          ="),
        (.asked(frameCount: 10), "          =        =          =          probation! =         =          ="),
        (.asked(frameCount: 99), "          =        =          =          probation! =         =          ="),
        (.served(frameCount: 19), "         =        =          =          =          =         =          ="),
        (.served(frameCount: 20), "         =        =          =          =          confirmed =          ="),
        (.failed(reason: "r"), "            rejected rejected   rejected   rejected   rejected< rejected<  ="),
        (.replaced, "                       =        =          =          gated      gated     =          ="),
        (.importedAgain(insists: false), "  =        =          =          =          =         =          staged"),
        (.importedAgain(insists: true), "   =        =          =          =          =         =          staged"),
    ]

    @Test func everyEventInEveryStageDoesWhatTheTableSays() throws {
        for (event, cells) in Self.table {
            let cells = cells.split(separator: " ")
            try #require(cells.count == Stage.allCases.count)
            for (stage, cell) in zip(Stage.allCases, cells) {
                var course = Self.course(at: stage)
                let action = course.handle(event, limits: Self.limits)
                let expected = cell.replacing("=", with: "\(stage)")
                #expect(Self.words(course.stage, action) == expected, "\(event) in \(stage)")
            }
        }
    }

    private static func words(_ stage: Stage, _ action: ModelCourse.Action) -> String {
        switch action {
        case .none: "\(stage)"
        case .serve: "\(stage)!"
        case .shadow: "\(stage)~"
        case .goBack: "\(stage)<"
        case .refuse: "\(stage)?"
        }
    }

    // MARK: Words

    @Test func refusalsSayWhy() {
        var staged = ModelCourse()
        let early = staged.handle(Self.plain)
        #expect(early == .refuse(reason: "it was not proved yet"))
        var rejected = Self.course([.gateFailed(reason: "worse by 3 %")])
        for event in [Self.plain, Self.inShadow, Self.alone] {
            let late = rejected.handle(event)
            #expect(late == .refuse(reason: "it was rejected: worse by 3 %"))
        }
    }

    @Test func theReasonOfARejectionIsKeptAndTold() {
        var course = Self.course(at: .probation)
        let action = course.handle(.failed(reason: "it hangs"))
        #expect(action == .goBack(reason: "it hangs") && course.reason == "it hangs")
        // The first reason counts: what comes later is of a model that is given up already.
        for event in [Event.failed(reason: "b"), .proofFailed(reason: "c"), .gateFailed(reason: "d")] {
            let late = course.handle(event)
            #expect(late == .none && course.reason == "it hangs")
        }
    }

    @Test func aReasonWithoutEndIsCut() {
        let course = Self.course([.failed(reason: String(repeating: "é", count: 5000))])
        #expect(course.reason == String(repeating: "é", count: 1000))
    }

    @Test func oldNewsFromACollectorPassesOverARejectedModel() {
        let rejected = Self.course([.proved, .gated, Self.plain, .served(frameCount: 7), .failed(reason: "slow")])
        let news: [Event] = [
            .served(frameCount: 1000), .started(boot: "1"), .started(boot: "1"), .stopped, .failed(reason: "again"),
            .replaced, .proved, .gated,
        ]
        for event in news {
            var course = rejected
            let action = course.handle(event)
            #expect(action == .none && course == rejected, "\(event)")
        }
    }

    // MARK: Again

    @Test func whatFailedInServiceComesInAgainOnlyWhenAPersonInsists() {
        for stage in [Stage.shadow, .probation, .confirmed] {
            var course = Self.course(at: stage)
            _ = course.handle(.failed(reason: "not a number"))
            #expect(course.failedInService, "\(stage)")
            let before = course
            let refused = course.handle(.importedAgain(insists: false))
            #expect(refused == .refuse(reason: "it was rejected: not a number") && course == before)
            let taken = course.handle(.importedAgain(insists: true))
            #expect(taken == .none && course == ModelCourse())
        }
    }

    @Test func whatFailedBeforeItServedMayBeBroughtInAgain() {
        for stage in [Stage.staged, .proved, .gated] {
            for event in [Event.failed(reason: "a"), .proofFailed(reason: "a"), .gateFailed(reason: "a")] {
                var course = Self.course(at: stage)
                _ = course.handle(event)
                #expect(course.stage == .rejected && !course.failedInService)
                let taken = course.handle(.importedAgain(insists: false))
                #expect(taken == .none && course == ModelCourse())
            }
        }
    }

    @Test(arguments: ModelCourse.Stage.allCases) func aCourseComesBackFromJSONAsItWas(_ stage: Stage) throws {
        var course = Self.course(at: stage)
        _ = course.handle(.started(boot: "6b1c"))
        _ = course.handle(.served(frameCount: 3))
        try expectRoundTrip(course)
    }
}
