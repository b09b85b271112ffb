import Foundation
import GleanerCapture
import Testing

@Suite struct CameraTests {
    @Test func camerasAreNamedAsTheSystemNamesThem() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/gleaner-cameras-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (device, name, index) in [("video10", "Rear", "0"), ("video2", "Front\n", "0"), ("video3", "Front", "1")] {
            let path = "\(folder)/\(device)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try Data(name.utf8).write(to: URL(filePath: "\(path)/name"))
            try Data(index.utf8).write(to: URL(filePath: "\(path)/index"))
        }
        #expect(Camera.list(in: folder) == "cameras here: /dev/video2 (Front), /dev/video10 (Rear)")
        #expect(Camera.list(in: "\(folder)/none") == "this machine has no camera")
    }
}
