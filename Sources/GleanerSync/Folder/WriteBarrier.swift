import CLinux
import Foundation
import GleanerCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Makes everything that was written below a folder durable.
///
/// Thousands of small files flushed one by one cost a card or stick as many barriers; where the system can be trusted to
/// flush a whole file system and to tell of every failure since, it is asked to do that once.
final class WriteBarrier {
    private let folder: String
    private let file: DescriptorFile
    private let flushesWhole: Bool

    /// Failures from here on are noticed: make it before the first file is written.
    init(_ folder: String) throws {
        self.folder = folder
        file = try DescriptorFile(folder, flags: O_RDONLY | O_DIRECTORY)
        flushesWhole = Self.isLocal(gleaner_filesystem_kind(file.descriptor)) && Self.kernelTellsOfFailures
    }

    /// Flushes, and does something meanwhile that waits for a processor rather than the disk; afterwards where each file is
    /// flushed by itself.
    ///
    /// - Throws: what went wrong with the flush, before what went wrong with `work`: the one may be why.
    func flush(beside work: () throws -> Void) throws {
        guard flushesWhole else {
            try flushEach()
            return try work()
        }
        let failure = Mutex<Int32?>(nil)
        let end = DispatchSemaphore(value: 0)
        let thread = Thread { [descriptor = file.descriptor] in
            if gleaner_syncfs(descriptor) != 0 { failure.withLock { [errno] in $0 = errno } }
            end.signal()
        }
        thread.start()
        let worked = Result { try work() }
        end.wait()
        if let failure = failure.withLock({ $0 }) {
            throw GleanerError.system("cannot flush", folder, errno: failure)
        }
        try worked.get()
    }

    private func flushEach() throws {
        let tree = try BatchTree(folder)
        // Everything is written before the first flush, so that the system can write it out in one go.
        for path in tree.files { try tree.flush(path) }
        try tree.flushFolders()
    }

    /// File systems of this machine's own disks, whose drivers flush all they hold: ext2 to ext4, XFS, Btrfs, F2FS, FAT,
    /// exFAT. Those of other processes and machines may not, and each file is flushed.
    private static func isLocal(_ kind: Int) -> Bool {
        [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x4D44, 0x2011_BAB0].contains(kind)
    }

    /// Since Linux 5.8 `syncfs` returns what went wrong since the folder was opened (syncfs(2), "Versions").
    private static let kernelTellsOfFailures: Bool = {
        var name = utsname()
        guard uname(&name) == 0 else { return false }
        let release = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let parts = release.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
        return parts.count == 2 && (parts[0], parts[1]) >= (5, 8)
    }()
}
