import Foundation
import GleanerCore
import GleanerRuntime
import Testing

@Suite struct RegistriesTests {
    private func schema(_ name: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "Schemas/\(name).schema.json"), encoding: .utf8)
    }

    @Test func theConfigurationSchemaKnowsEveryComponentThatAConfigurationMayName() throws {
        let text = try schema("configuration")
        for name in Registries.standard.strategies.names + Registries.standard.budgets.names
            + Registries.standard.sources.names
        {
            #expect(text.contains("\"const\": \"\(name)\""), "\(name) is missing")
        }
    }

    @Test func theConfigurationSchemaNamesNoOtherStrategy() throws {
        let names = try schema("configuration").matches(of: /"const": "([a-z-]+)"/).map { String($0.output.1) }
        let known =
            Registries.standard.strategies.names + Registries.standard.budgets.names
            + Registries.standard.sources.names
            + ["auto"]  // an uncertainty weight
        #expect(Set(names).subtracting(known).isEmpty)
    }

    @Test func everyComponentSaysWhatItDoes() {
        for kind in Registries.standard.components {
            #expect(!kind.components.isEmpty)
            for component in kind.components { #expect(component.summary.count > 10, "\(component.name)") }
        }
    }
}
