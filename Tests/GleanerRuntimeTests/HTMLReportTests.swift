import Foundation
import GleanerCore
import GleanerStore
import Testing

@testable import GleanerRuntime

@Suite struct HTMLReportTests {
    private func page(reason: String = "margin", hours: [LedgerEntry] = []) -> String {
        let report = LedgerReport(
            lines: [.init(outcome: "stored", reason: reason, count: 3)], labels: .init(granted: 2, sent: 1, due: 1),
            models: [], classes: [.init(name: reason, labels: 1)],
            drift: [.init(what: reason, at: Timestamp(milliseconds: 0))])
        return HTMLReport(report: report, hours: hours, histograms: [("meter@1", [0, 4, 1])]).text()
    }

    @Test func textFromOutsideIsText() {
        let text = page(reason: "<b>\"&")
        #expect(text.contains("&lt;b&gt;&quot;&amp;"))
        #expect(!text.contains("<b>"))
    }

    @Test func yearsOfHoursAreAFewHundredBars() throws {
        let hours = try (0..<20_000).map { hour in
            try CanonicalJSON.decode(
                LedgerEntry.self,
                from: Data(#"{"hour":\#(hour),"outcome":"rejected","reason":"duplicate","count":1}"#.utf8),
                named: "an entry")
        }
        let text = page(hours: hours)
        #expect(text.contains("in each 100 hours"))
        #expect(text.matches(of: /<rect/).count < 1000)
    }

    @Test func aDeploymentThatSawNothingHasAPage() {
        let empty = LedgerReport(
            lines: [], labels: .init(granted: 0, sent: 0, due: 0), models: [], classes: [], drift: [])
        #expect(HTMLReport(report: empty, hours: [], histograms: []).text().contains("</html>"))
    }
}
