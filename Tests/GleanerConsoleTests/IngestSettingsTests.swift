import Testing

@testable import GleanerConsole

@Suite struct IngestSettingsTests {
    @Test(arguments: [
        ("127.0.0.1:8790", "127.0.0.1", 8790, true), ("127.9.9.9:1", "127.9.9.9", 1, true),
        ("localhost:80", "localhost", 80, true), ("[::1]:8790", "::1", 8790, true),
        ("0.0.0.0:8790", "0.0.0.0", 8790, false), ("[::]:8790", "::", 8790, false),
        ("192.168.1.2:65535", "192.168.1.2", 65_535, false), ("127.example.org:80", "127.example.org", 80, false),
    ])
    func anAddressIsRead(_ text: String, _ host: String, _ port: Int, _ isLoopback: Bool) throws {
        let address = try #require(IngestSettings.Address(text))
        #expect(address.host == host && address.port == port && address.isLoopback == isLoopback)
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", "8790", ":8790", "localhost", "localhost:", "localhost:0", "localhost:65536", "::1:80", "a:b:c",
    ])
    func whatIsNoAddressIsRefused(_ text: String) { #expect(IngestSettings.Address(text) == nil) }
}
