import Foundation
import GleanerCore

/// Where commands write: results to standard output, everything else to standard error.
enum Terminal {
    static func out(_ text: String, end: String = "\n") { FileHandle.standardOutput.write(Data((text + end).utf8)) }
    static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    /// What stands before an answer.
    static func prompt(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

    /// Whether a person can answer: neither what is read nor what is printed is a file or another program's.
    static var hasPerson: Bool {
        [FileHandle.standardInput, .standardOutput].allSatisfy { isatty($0.fileDescriptor) == 1 }
    }

    /// Whether a person is watching standard error.
    static var isInteractive: Bool { isatty(FileHandle.standardError.fileDescriptor) == 1 }

    /// Columns of text, each as wide as its widest cell; two spaces between.
    static func table(_ rows: [[String]]) -> String {
        let columnCount = rows.map(\.count).max() ?? 0
        let widths = (0..<columnCount).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell.padding(toLength: widths[column], withPad: " ", startingAt: 0)
            }
            return cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}

/// One line on a terminal that tells how far a long step is: count, rate and remaining time.
struct ProgressLine {
    /// What is counted.
    enum Unit {
        case things, bytes
    }

    private let what: String
    private let unit: Unit
    private let begin = ContinuousClock.now
    private var shown = ContinuousClock.now
    private var isShown = false

    init(_ what: String, _ unit: Unit = .things) {
        self.what = what
        self.unit = unit
    }

    /// Shows how far it is, at most five times a second and not within the first second.
    mutating func update(_ done: Int, of total: Int?) {
        guard Terminal.isInteractive else { return }
        let now = ContinuousClock.now
        guard now - begin > .seconds(1), now - shown > .milliseconds(200) else { return }
        shown = now
        isShown = true
        let seconds = Double((now - begin).components.seconds) + 1e-18 * Double((now - begin).components.attoseconds)
        let rate = Double(done) / seconds
        var line = "\(what): \(text(done))"
        if let total { line += " of \(text(total))" }
        line += ", \(text(Int(rate)))/s"
        if let total, rate > 0 { line += ", \(Self.time(Double(total - done) / rate)) left" }
        FileHandle.standardError.write(Data("\r\u{1B}[K\(line)".utf8))
    }

    /// Removes the line, so that the result stands alone.
    func end() {
        if isShown { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    }

    private func text(_ count: Int) -> String { unit == .bytes ? ByteCount.format(count) : "\(count)" }

    private static func time(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        return whole >= 3600
            ? String(format: "%d:%02d h", whole / 3600, whole / 60 % 60)
            : String(format: "%d:%02d", whole / 60, whole % 60)
    }
}
