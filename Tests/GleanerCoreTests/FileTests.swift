import Foundation
import GleanerCore
import Testing

@Suite("Files")
struct FileTests {
    @Test func aFileIsWrittenWholeAndLeavesNoTemporary() throws {
        try withTemporaryFolder { folder in
            try DurableFile.write(Data("first".utf8), to: "\(folder)/a", permissions: 0o600)
            try DurableFile.write(Data("second".utf8), to: "\(folder)/a")
            #expect(try Data(contentsOf: URL(filePath: "\(folder)/a")) == Data("second".utf8))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
            try DurableFile.write(Data(), to: "\(folder)/empty")
            #expect(try Data(contentsOf: URL(filePath: "\(folder)/empty")).isEmpty)
        }
    }

    @Test func permissionsAreAsAsked() throws {
        try withTemporaryFolder { folder in
            try DurableFile.write(Data("key".utf8), to: "\(folder)/secret", permissions: 0o600)
            let mode = try FileManager.default.attributesOfItem(atPath: "\(folder)/secret")[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test func aLeftOverTemporaryDoesNotMatter() throws {
        try withTemporaryFolder { folder in
            let partial = "\(folder)/a\(DurableFile.partialSuffix)"
            try Data(repeating: 1, count: 1000).write(to: URL(filePath: partial))
            try DurableFile.write(Data("x".utf8), to: "\(folder)/a")
            #expect(try Data(contentsOf: URL(filePath: "\(folder)/a")) == Data("x".utf8))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
        }
    }

    @Test func aLinkAtTheTemporaryNameIsNotFollowed() throws {
        try withTemporaryFolder { folder in
            try Data("precious".utf8).write(to: URL(filePath: "\(folder)/precious"))
            #expect(symlink("\(folder)/precious", "\(folder)/a\(DurableFile.partialSuffix)") == 0)
            #expect(gleanerError { try DurableFile.write(Data("x".utf8), to: "\(folder)/a") }?.code == .fileSystem)
            #expect(try Data(contentsOf: URL(filePath: "\(folder)/precious")) == Data("precious".utf8))
        }
    }

    @Test func aFailedWriteKeepsWhatWasThereAndCleansUp() throws {
        try withTemporaryFolder { folder in
            // A folder that is not empty cannot be replaced by a file.
            try DurableFile.makeFolder("\(folder)/a/b")
            let error = gleanerError { try DurableFile.write(Data("x".utf8), to: "\(folder)/a") }
            #expect(error?.message.contains("\(folder)/a") == true)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
            #expect(gleanerError { try DurableFile.write(Data(), to: "\(folder)/no/where") }?.code == .fileSystem)
        }
    }

    @Test func foldersAreMadeWithTheirParents() throws {
        try withTemporaryFolder { folder in
            try DurableFile.makeFolder("\(folder)/a/b/c")
            try DurableFile.makeFolder("\(folder)/a/b/c")
            try DurableFile.makeFolder("\(folder)/a/b/d/")
            var isFolder: ObjCBool = false
            #expect(FileManager.default.fileExists(atPath: "\(folder)/a/b/d", isDirectory: &isFolder))
            #expect(isFolder.boolValue)
            try Data().write(to: URL(filePath: "\(folder)/file"))
            #expect(gleanerError { try DurableFile.makeFolder("\(folder)/file") }?.code == .fileSystem)
            #expect(gleanerError { try DurableFile.makeFolder("\(folder)/file/x") }?.code == .fileSystem)
        }
        #expect(gleanerError { try DurableFile.makeFolder("") }?.code == .fileSystem)
    }

    @Test func aFileIsReadUpToItsBound() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/a"
            let bytes = Data((0..<1000).map { UInt8($0 % 251) })
            try bytes.write(to: URL(filePath: path))
            #expect(try FileReading.bytes(of: path, byteCountMax: 1000) == bytes)
            let error = gleanerError { try FileReading.bytes(of: path, byteCountMax: 999) }
            #expect(error?.message == "\(path) has 1000 bytes, more than the 999 that are allowed")
            try Data().write(to: URL(filePath: path))
            #expect(try FileReading.bytes(of: path, byteCountMax: 0) == Data())
        }
    }

    @Test func aFileThatIsLongerThanItSaysIsNotReadWhole() throws {
        // The kernel says 0 bytes of these, whatever they hold.
        #expect(gleanerError { try FileReading.bytes(of: "/proc/self/status", byteCountMax: 0) }?.code == .fileSystem)
    }

    @Test func whatIsNoRegularFileIsAnErrorAtOnce() throws {
        try withTemporaryFolder { folder in
            #expect(mkfifo("\(folder)/pipe", 0o600) == 0)
            try Data("x".utf8).write(to: URL(filePath: "\(folder)/file"))
            #expect(symlink("\(folder)/file", "\(folder)/link") == 0)
            for path in ["\(folder)/pipe", folder, "\(folder)/link", "\(folder)/absent", "/dev/zero"] {
                #expect(gleanerError { try FileReading.bytes(of: path, byteCountMax: 10) }?.code == .fileSystem)
            }
            for path in ["\(folder)/pipe", folder, "\(folder)/absent", "/dev/zero"] {
                #expect(gleanerError { try FileReading.forEachPiece(of: path) { _ in } }?.code == .fileSystem)
            }
        }
    }

    @Test func piecesAreTheWholeFileInOrder() throws {
        try withTemporaryFolder { folder in
            let bytes = Data((0..<(2 << 20 | 17)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
            try bytes.write(to: URL(filePath: "\(folder)/a"))
            var read = Data()
            var sizes: [Int] = []
            try FileReading.forEachPiece(of: "\(folder)/a") {
                read.append(contentsOf: $0)
                sizes.append($0.count)
            }
            #expect(read == bytes)
            #expect(sizes == [1 << 20, 1 << 20, 17])
        }
    }

    @Test func anErrorSaysWhichFileAndWhy() {
        let error = gleanerError { _ = try DescriptorFile("/no/such/file", flags: O_RDONLY) }
        #expect(error?.message == "cannot open /no/such/file: No such file or directory")
        let full = gleanerError {
            let file = try DescriptorFile("/dev/full", flags: O_WRONLY)
            try file.write(Data("x".utf8))
        }
        #expect(full?.message == "cannot write /dev/full: No space left on device")
    }
}

@Suite("Stop signal")
struct StopSignalTests {
    @Test func itIsSeenAndWaitedFor() async {
        let signal = StopSignal()
        #expect(!signal.isRaised)
        #expect(signal.descriptor >= 0)
        #expect(isReadable(signal.descriptor) == false)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { signal.raise() } }
        }
        #expect(signal.isRaised)
        #expect(isReadable(signal.descriptor))
        // It stays so: everybody who looks later sees it too.
        #expect(isReadable(signal.descriptor))
    }

    private func isReadable(_ descriptor: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&request, 1, 0) == 1 && request.revents & Int16(POLLIN) != 0
    }
}
