import Foundation
import GleanerCore
import GleanerInference
import Testing

@Suite(.enabled(if: TestRuntime.isHereOrMust)) struct OnnxSessionTests {
    @Test func aRunReadsTheInputAndWritesTheOutputsInPlace() throws {
        let session = try TestRuntime.session("relu")
        let before = try session.run()
        session.input.fill([-1, 2, -3, 4, -5, 6, -7, 8, -9, 10, -11, 12])
        let after = try session.run()
        #expect(after["out"]?.values == [0, 2, 0, 4, 0, 6, 0, 8, 0, 10, 0, 12])
        #expect(before["out"] === after["out"])
    }

    @Test func aDynamicBatchIsOne() throws {
        let session = try TestRuntime.session("softmax") { $0.layout = .nhwc }
        #expect(session.input.shape == [1, 2, 2, 3])
        session.input.fill([Float](repeating: 0, count: 11) + [1])
        let out = try #require(try session.run()["out"])
        #expect(out.shape == [1, 12])
        // e / (11 + e) and 1 / (11 + e)
        #expect(abs(out.values[11] - 0.198_146) < 1e-5)
        #expect(abs(out.values[0] - 0.072_896) < 1e-5)
    }

    @Test func wholeNumbersStayWhole() throws {
        let session = try TestRuntime.session("uint8") {
            $0.layout = .nhwc
            $0.type = .uint8
            $0.height = 1
        }
        for index in 0..<6 { session.input.bytes[index] = UInt8(50 * index) }
        #expect(try session.run().tensors.first?.values == [0, 50, 100, 150, 200, 250])
    }

    @Test func halvesAreWrittenAndRead() throws {
        let session = try TestRuntime.session("half_both") { $0.type = .float16 }
        let halves = session.input.bytes.bindMemory(to: Float16.self)
        for index in 0..<12 { halves[index] = Float16(index) / 4 - 1 }
        let out = try #require(try session.run()["out"])
        #expect(out.elementType == .float16)
        #expect(out.values == (0..<12).map { max(Float($0) / 4 - 1, 0) })
    }

    @Test func anOutputMayBeOfHalvesAlone() throws {
        let session = try TestRuntime.session("half")
        session.input.fill([Float](repeating: 0.5, count: 12))
        #expect(try session.run()["out"]?.values == [Float](repeating: 0.5, count: 12))
    }

    @Test func outputsAreKnownByName() throws {
        let session = try TestRuntime.session("two_outputs")
        session.input.fill([Float](repeating: 3, count: 12))
        let outputs = try session.run()
        #expect(outputs.tensors.map(\.name) == ["positive", "negative"])
        #expect(outputs["negative"]?.values == [Float](repeating: -3, count: 12))
        #expect(outputs["other"] == nil)
    }

    @Test func outputsOfChangingShapeFollow() throws {
        let session = try TestRuntime.session("varying")
        for count in [0, 5, 12, 1, 1] {
            session.input.fill((0..<12).map { $0 < count ? 1 : 0 })
            let out = try #require(try session.run().tensors.first)
            #expect(out.shape == [4, count])
            // Row 2 is the height: two values of each row of the picture.
            #expect((0..<count).map { out.float(at: 2 * count + $0) } == (0..<count).map { Float($0 % 4 / 2) })
        }
    }

    @Test func aSessionOutlivesItsEngineAndRuntime() throws {
        let library = try TestRuntime.get().path
        func load() throws -> any InferenceSession {
            let engine = OnnxEngine(runtime: try OnnxRuntime.load(configuredPath: library))
            return try engine.loadSession(for: .tiny(), model: Fixtures.model("relu"))
        }
        let session = try load()
        session.input.fill([Float](repeating: 7, count: 12))
        #expect(try session.run()["out"]?.values == [Float](repeating: 7, count: 12))
    }

    @Test func twoSessionsRunSideBySide() async throws {
        let results = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 1...4 {
                let session = try TestRuntime.session("relu")
                group.addTask {
                    let values = [Float](repeating: Float(number), count: 12)
                    session.input.fill(values)
                    for _ in 0..<200 where try session.run()["out"]?.values != values { return false }
                    return true
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results == [true, true, true, true])
    }

    @Test(arguments: SessionOptions.Optimization.allCases)
    func everyOptionGivesTheSameResult(level: SessionOptions.Optimization) throws {
        let engine = try TestRuntime.engine {
            $0.optimization = level
            $0.threadCount = 2
            $0.usesArena = level == .none
            $0.spins = level == .basic
        }
        let session = try engine.loadSession(for: .tiny(), model: Fixtures.model("relu"))
        session.input.fill([Float](repeating: 7, count: 12))
        #expect(try session.run()["out"]?.values == [Float](repeating: 7, count: 12))
    }

    @Test func anUnlikelyThreadCountIsNoTrap() throws {
        let engine = try TestRuntime.engine { $0.threadCount = -5 }
        #expect(throws: Never.self) { try engine.loadSession(for: .tiny(), model: Fixtures.model("relu")) }
    }
}

@Suite(.enabled(if: TestRuntime.isHereOrMust)) struct RefusedModelTests {
    private func refusal(
        _ fixture: String, _ change: (inout InputSpec) -> Void = { _ in }
    ) -> GleanerError? {
        failure { _ = try TestRuntime.session(fixture, change) }
    }

    @Test func aCutModelIsCorrupt() throws {
        let whole = try Fixtures.model("relu")
        for count in [0, 1, whole.count / 2, whole.count - 1] {
            #expect(code { _ = try TestRuntime.session(whole.prefix(count)) } == .modelCorrupt, "cut at \(count)")
        }
    }

    @Test func aModelWhoseNodesDoNotJoinIsCorrupt() throws {
        var bytes = try Fixtures.model("relu")
        let name = try #require(bytes.range(of: Data("image".utf8)))
        bytes.replaceSubrange(name, with: Data("other".utf8))
        #expect(code { _ = try TestRuntime.session(bytes) } == .modelCorrupt)
    }

    @Test(arguments: ["external", "external_in_branch"])
    func weightsInOtherFilesAreRefused(fixture: String) {
        #expect(refusal(fixture)?.code == .modelExternalData)
    }

    @Test(arguments: [("unknown_operator", "Mystery"), ("future_opset", "opset")])
    func whatTheRuntimeCannotRunIsNamed(fixture: String, word: String) {
        let error = refusal(fixture)
        #expect(error?.code == .modelUnsupported)
        #expect(error?.description.contains(word) == true)
    }

    @Test(arguments: [("double", "float64"), ("sequence", "not a tensor")])
    func anOutputThatCannotBeReadIsNamed(fixture: String, kind: String) {
        let error = refusal(fixture)
        #expect(error?.code == .modelUnsupported)
        #expect(error?.message.contains("'out'") == true)
        #expect(error?.message.contains(kind) == true)
    }

    @Test func aSecondInputIsRefused() {
        let error = refusal("two_inputs")
        #expect(error?.code == .modelUnsupported)
        #expect(error?.message.contains("'image', 'other'") == true)
    }

    @Test func anInputOfAnotherShapeShowsBoth() {
        let error = refusal("relu") { $0.width = 3 }
        #expect(error?.code == .modelInputMismatch)
        #expect(error?.message.contains("'image'") == true)
        #expect(error?.message.contains("[1, 3, 2, 2]") == true)
        #expect(error?.message.contains("[1, 3, 2, 3]") == true)
    }

    @Test func aDimensionThatIsOpenIsShownAsSuch() {
        let error = refusal("softmax")
        #expect(error?.code == .modelInputMismatch)
        #expect(error?.message.contains("[?, 2, 2, 3]") == true)
    }

    @Test func anInputOfAnotherTypeShowsBoth() {
        let error = refusal("relu") { $0.type = .uint8 }
        #expect(error?.code == .modelInputMismatch)
        #expect(error?.message.contains("float32") == true)
        #expect(error?.message.contains("uint8") == true)
    }

    @Test func anInputOfAnotherNameShowsBoth() {
        let error = refusal("relu") { $0.name = "picture" }
        #expect(error?.code == .modelInputMismatch)
        #expect(error?.message.contains("'image'") == true)
        #expect(error?.message.contains("'picture'") == true)
    }

    @Test(arguments: [0, -1, Int.max, 1 << 32])
    func aSizeBeyondReasonIsNoTrap(width: Int) {
        #expect(
            refusal("softmax") {
                $0.width = width; $0.layout = .nhwc
            }?.code == .modelInputMismatch)
    }

    @Test func anAbsentProviderListsThoseThereAre() throws {
        let engine = try TestRuntime.engine { $0.providers = ["cdua", "cpu"] }
        let error = failure { _ = try engine.loadSession(for: .tiny(), model: Fixtures.model("relu")) }
        #expect(error?.code == .runtimeNoProvider)
        #expect(error?.message.contains("'cdua'") == true)
        #expect(error?.message.contains("cpu") == true)
    }

    @Test func theProcessorTakesWhatAnAbsentProviderLeavesAndThatIsSaid() throws {
        let engine = try TestRuntime.engine { $0.providers = ["rknpu", "cpu"] }
        let session = try engine.loadSession(for: .tiny(), model: Fixtures.model("relu"))
        let setback = try #require(session.setbacks.first)
        #expect(session.setbacks.count == 1 && setback.code == .runtimeNoProvider)
        #expect(setback.message.contains("'rknpu'"))
        #expect(throws: Never.self) { try session.run() }
    }

    @Test func aProviderAloneHasToStart() throws {
        let engine = try TestRuntime.engine { $0.providers = ["rknpu"] }
        let error = failure { _ = try engine.loadSession(for: .tiny(), model: Fixtures.model("relu")) }
        #expect(error?.code == .runtimeNoProvider)
    }
}

@Suite(.enabled(if: TestRuntime.isHereOrMust)) struct ModelInspectionTests {
    private func inspect(_ fixture: String) throws -> ModelInspection {
        try Fixtures.model(fixture).withUnsafeBytes { try TestRuntime.engine().inspect($0) }
    }

    @Test func aModelTellsItsTensorsAndNotes() throws {
        let inspection = try inspect("softmax")
        #expect(inspection.inputs == [.init(name: "image", type: "float32", shape: [nil, 2, 2, 3])])
        #expect(inspection.outputs == [.init(name: "out", type: "float32", shape: [nil, 12])])
        #expect(inspection.metadata == ["names": "{0: 'zero'}", "task": "classify"])
    }

    @Test func whatCannotBeRunCanBeInspected() throws {
        #expect(try inspect("double").outputs.map(\.type) == ["float64"])
        #expect(try inspect("double").outputs.map(\.elementType) == [nil])
        #expect(try inspect("sequence").outputs.map(\.type) == [nil])
        #expect(try inspect("two_inputs").inputs.map(\.name) == ["image", "other"])
    }

    @Test func aCorruptModelCannotBeInspected() {
        #expect(
            code { _ = try TestRuntime.engine().inspect(UnsafeRawBufferPointer(start: nil, count: 0)) } == .modelCorrupt
        )
    }
}
