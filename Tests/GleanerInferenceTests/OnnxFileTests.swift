import Foundation
import GleanerCore
import Testing

@testable import GleanerInference

@Suite struct OnnxFileTests {
    private func verdict(_ bytes: some Sequence<UInt8>) -> GleanerError.Code? {
        let array = Array(bytes)
        return code { try array.withUnsafeBytes { try OnnxFile.check($0, named: "it") } }
    }

    /// A protobuf field that holds bytes.
    private func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
        precondition(number < 16 && content.count < 128, "one byte is enough for each")
        return [number << 3 | 2, UInt8(content.count)] + content
    }

    @Test(arguments: ["relu", "softmax", "two_inputs", "varying", "sequence"])
    func aModelOfOneFileIsFine(name: String) throws {
        #expect(verdict(try Fixtures.model(name)) == nil)
    }

    @Test(arguments: ["external", "external_in_branch"])
    func weightsInOtherFilesAreRefusedAtAnyDepth(name: String) throws {
        #expect(verdict(try Fixtures.model(name)) == .modelExternalData)
    }

    @Test func everyPlaceOfATensorIsLookedAt() {
        let reference = field(13, [])
        let location: [UInt8] = [14 << 3, 1]
        for tensor in [reference, location] {
            #expect(verdict(field(7, field(5, tensor))) == .modelExternalData, "initializer")
            #expect(verdict(field(7, field(15, field(1, tensor)))) == .modelExternalData, "sparse initializer")
            #expect(verdict(field(7, field(1, field(5, field(5, tensor))))) == .modelExternalData, "attribute")
            #expect(verdict(field(7, field(1, field(5, field(10, tensor))))) == .modelExternalData, "attribute list")
            let branch = field(5, field(6, field(5, tensor)))
            #expect(verdict(field(7, field(1, branch))) == .modelExternalData, "branch")
            // Fields above 15 need a tag of two bytes: 25 is model.functions, 20 is model.training_info.
            let function = field(7, field(5, field(5, tensor)))
            #expect(verdict([0xca, 0x01, UInt8(function.count)] + function) == .modelExternalData, "function")
            let training = field(1, field(5, tensor))
            #expect(verdict([0xa2, 0x01, UInt8(training.count)] + training) == .modelExternalData, "training")
        }
    }

    @Test func aTensorThatLiesInTheFileSaysSo() {
        #expect(verdict(field(7, field(5, [14 << 3, 0]))) == nil)
    }

    @Test func aModelCutAnywhereIsCorruptOrRefused() throws {
        let whole = Array(try Fixtures.model("external_in_branch"))
        for count in whole.indices { #expect(verdict(whole[..<count]) != nil, "cut at \(count)") }
    }

    @Test func whatIsNoModelIsCorrupt() {
        #expect(verdict([]) == .modelCorrupt)
        #expect(verdict(Array("{\"name\": \"a manifest\"}".utf8)) == .modelCorrupt)
        #expect(verdict([UInt8](repeating: 0xff, count: 64)) == .modelCorrupt)
        // A length of 2⁶⁴ − 1.
        #expect(verdict([7 << 3 | 2] + [UInt8](repeating: 0xff, count: 9) + [1]) == .modelCorrupt)
        // A group, which protobuf would skip and ONNX never had.
        #expect(verdict(field(7, []) + [7 << 3 | 3, 7 << 3 | 4]) == .modelCorrupt)
    }

    @Test func nestingWithoutEndIsCorrupt() {
        // Graph in attribute in node in graph: 40 times three is deeper than protobuf goes.
        var bytes: [UInt8] = []
        for _ in 0..<40 {
            for number: UInt8 in [6, 5, 1] { bytes = [number << 3 | 2] + varint(bytes.count) + bytes }
        }
        #expect(verdict([7 << 3 | 2] + varint(bytes.count) + bytes) == .modelCorrupt)
    }

    private func varint(_ value: Int) -> [UInt8] {
        value < 128 ? [UInt8(value)] : [UInt8(value & 127) | 128] + varint(value >> 7)
    }
}
