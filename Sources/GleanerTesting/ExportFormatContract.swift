import Foundation
public import GleanerCore

/// The promises of ``ExportFormat``, checked against any implementation.
///
/// Give it a header and samples that the format supports; in a test, expect that
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
        let (first, places) = try write(format, header, samples, in: root.appending(path: "first"))
        let (second, placesAgain) = try write(format, header, samples, in: root.appending(path: "second"))
        if places != placesAgain { broken.append("a sample has one place") }
        checkPlaces(places, samples, &broken)
        if first != second { broken.append("the same samples give the same bytes") }
        if first.isEmpty, !samples.isEmpty, places.allSatisfy({ $0.path.hasPrefix("frames/") }) {
            broken.append("a view of samples has a file, or places their pictures")
        }
        let outside = try FileManager.default.contentsOfDirectory(atPath: root.path).sorted()
        if outside != ["first", "second"] { broken.append("nothing is written outside of the folder: \(outside)") }
        let pictures = Set(places.map(\.path)).intersection(first.keys)
        if !pictures.isEmpty { broken.append("pictures are placed by the batch: \(pictures.sorted())") }
        if first.keys.contains(where: { $0.hasSuffix(DurableFile.partialSuffix) }) {
            broken.append("no temporary file is left")
        }
        var empty = header
        empty.sampleCount = 0
        _ = try write(format, empty, [], in: root.appending(path: "empty"))
        return broken
    }

    private static func checkPlaces(_ places: [FramePlace], _ samples: [SampleRecord], _ broken: inout [String]) {
        var paths: Set<String> = []
        for (place, sample) in zip(places, samples) {
            let parts = place.path.split(separator: "/", omittingEmptySubsequences: false)
            if parts.contains("") || parts.contains("..") || parts.contains(".") {
                broken.append("a picture lies inside of the batch: \(place.path)")
            }
            guard case .file(let path) = place else { continue }
            if parts.last.map(String.init) != sample.fileName {
                broken.append("a picture is named by its sample's id: \(path)")
            }
            if !paths.insert(path).inserted { broken.append("no two samples share a picture: \(path)") }
        }
    }

    /// Writes the view and returns every file of it by path, and the place of each sample's picture.
    private static func write(
        _ format: any ExportFormat, _ header: BatchHeader, _ samples: [SampleRecord], in folder: URL
    ) throws -> (files: [String: Data], places: [FramePlace]) {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var writer = try format.makeWriter(for: header, in: folder.path)
        var places: [FramePlace] = []
        for sample in samples {
            let place = try writer.place(of: sample) ?? .file("frames/\(sample.fileName)")
            places.append(place)
            var placed = sample
            placed.file = place.path
            try writer.append(placed)
        }
        try writer.finish()
        var files: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
            let file = folder.appending(path: name)
            if try file.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true { continue }
            files[name] = try Data(contentsOf: file)
        }
        return (files, places)
    }
}
