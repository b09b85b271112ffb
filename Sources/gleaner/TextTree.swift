/// Lines that branch, for people.
struct TextTree {
    var line: String
    var branches: [TextTree]

    init(_ line: String, _ branches: [TextTree] = []) {
        self.line = line
        self.branches = branches
    }

    var text: String { lines.joined(separator: "\n") }

    private var lines: [String] {
        var lines = [line]
        for (place, branch) in branches.enumerated() {
            let isLast = place == branches.count - 1
            for (number, line) in branch.lines.enumerated() {
                lines.append((number == 0 ? (isLast ? "└─ " : "├─ ") : isLast ? "   " : "│  ") + line)
            }
        }
        return lines
    }
}
