#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `read` under a name that no method hides.
func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}

/// Calls `body` with a path as C wants it.
func withCPath<Result>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: path.count + 1) { terminated in
        for index in path.indices { terminated[index] = CChar(bitPattern: path[index]) }
        terminated[path.count] = 0
        // The terminator makes sure that there is a base address.
        return UnsafePointer(terminated.baseAddress).map(body) ?? withUnsafePointer(to: 0) { body($0) }
    }
}
