import ArgumentParser
import GleanerCore
import GleanerRuntime

extension ModelCommand {
    struct KeyGen: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "keygen", abstract: "Make a pair of keys to sign models with.",
            discussion: """
                NAME.key signs: keep it where models are trained, never on a device. NAME.pub, and the line that is \
                printed, tell devices whom to trust. Both are PEM: openssl and Python's cryptography read them.

                EXAMPLE
                  gleaner model keygen orchard-2026 --to ~/keys
                """)

        @Argument(help: "The name of the pair.") var name: String
        @Option(name: .customLong("to"), help: ArgumentHelp("The folder.", valueName: "dir")) var folder = "."
        @Flag(help: "Print one JSON document for scripts.") var json = false

        func run() throws {
            let made = try ModelSigning.makeKey(named: name, in: folder)
            var options = DeploymentOptions()
            options.json = json
            try options.print(made) {
                """
                \(made.privateFile) signs: keep it secret.
                In gleaner.yaml of each device that is to trust it:
                models:
                  trusted_keys:
                    - \(made.key)
                """
            }
        }
    }

    struct Sign: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign a bundle, in place.",
            discussion: """
                Every file of the bundle is signed. Signatures of the same content by other keys stay, so that one \
                key can take over from another; after a change only the new one is left.

                EXAMPLE
                  gleaner model sign meter-2.tar --key orchard-2026.key --expires 2027-06-30
                """)

        @Argument(help: "The bundle: a folder or a tar.") var bundle: String
        @Option(help: "The private key: a PEM file, such as gleaner model keygen makes.") var key: String
        @Option(help: Expiry.help) var expires: Expiry?
        @Flag(help: "Print one JSON document for scripts.") var json = false

        func run() throws {
            let signed = try ModelSigning.sign(bundle, keyFile: key, expires: expires?.timestamp)
            var options = DeploymentOptions()
            options.json = json
            try options.print(signed) {
                let keys = signed.signedBy.map(\.description).joined(separator: ", ")
                let until = signed.expires.map { ", until \($0)" } ?? ""
                return "\(bundle): \(signed.model.name)@\(signed.model.version), signed by \(keys)\(until)"
            }
        }
    }
}

/// When a signature ends.
struct Expiry: ExpressibleByArgument {
    static let help: ArgumentHelp = """
        From when on devices refuse it: a time such as 2027-06-30T12:00:00Z, or a date, from its midnight in UTC on. \
        Default: never, or what an earlier signature of the same files says.
        """

    let timestamp: Timestamp

    init?(argument: String) {
        let text = argument.utf8.count == 10 ? "\(argument)T00:00:00Z" : argument
        guard let timestamp = Timestamp(text) else { return nil }
        self.timestamp = timestamp
    }
}
