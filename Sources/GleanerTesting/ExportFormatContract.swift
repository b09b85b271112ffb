import Foundation
public import GleanerCore

/// The promises of ``ExportFormat``, checked against any implementation.
///
/// Give it a header and samples that the format supports, with `file` empty; in a test, expect that
/// ``brokenPromises(of:header:samples:)`` is empty.
public enum ExportFormatContract {
    /// Writes the view three times in a temporary folder (twice with the samples, once without any) and looks at what
    /// is there.
    ///
    /// - Returns: a sentence for each promise that does not hold.
    public static func brokenPromises(
        of format: any ExportFormat, header: BatchHeader, samples: [SampleRecord]
    ) throws -> [String] {
        let root = FileManager.default.temporaryDirectory.appending(path: "gleaner-contract-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        var broken: [String] = []
        let placed = try place(samples, format, header, &broken)
        let first = try write(format, header, placed, in: root.appending(path: "first"))
        let second = try write(format, header, placed, in: root.appending(path: "second"))
        if first != second { broken.append("the same samples give the same bytes") }
        if first.isEmpty, !samples.isEmpty { broken.append("a view of samples has a file") }
        let outside = try FileManager.default.contentsOfDirectory(atPath: root.path).sorted()
        if outside != ["first", "second"] { broken.append("nothing is written outside of the folder: \(outside)") }
        let pictures = Set(placed.map(\.file)).intersection(first.keys)
        if !pictures.isEmpty { broken.append("pictures are placed by the batch: \(pictures.sorted())") }
        if first.keys.contains(where: { $0.hasSuffix(DurableFile.partialSuffix) }) {
            broken.append("no temporary file is left")
        }
        var empty = header
        empty.sampleCount = 0
        _ = try write(format, empty, [], in: root.appending(path: "empty"))
        return broken
    }

    private static func place(
        _ samples: [SampleRecord], _ format: any ExportFormat, _ header: BatchHeader, _ broken: inout [String]
    ) throws -> [SampleRecord] {
        var paths: Set<String> = []
        return try samples.map { sample in
            let path = try format.framePath(for: sample, purpose: header.purpose)
            if try format.framePath(for: sample, purpose: header.purpose) != path {
                broken.append("a sample has one place")
            }
            if let path {
                let parts = path.split(separator: "/", omittingEmptySubsequences: false)
                if parts.contains("") || parts.contains("..") || parts.contains(".") {
                    broken.append("a picture lies inside of the batch: \(path)")
                }
                if parts.last.map(String.init) != sample.fileName {
                    broken.append("a picture is named by its sample's id: \(path)")
                }
            }
            var placed = sample
            placed.file = path ?? "frames/\(sample.fileName)"
            if !paths.insert(placed.file).inserted { broken.append("no two samples share a picture: \(placed.file)") }
            return placed
        }
    }

    /// Writes the view and returns every file of it by path.
    private static func write(
        _ format: any ExportFormat, _ header: BatchHeader, _ samples: [SampleRecord], in folder: URL
    ) throws -> [String: Data] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var writer = try format.makeWriter(for: header, in: folder.path)
        for sample in samples { try writer.append(sample) }
        try writer.finish()
        var files: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
            let file = folder.appending(path: name)
            if try file.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true { continue }
            files[name] = try Data(contentsOf: file)
        }
        return files
    }
}
