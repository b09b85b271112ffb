/// An array as SQLite's `json_each` reads it, written into one piece of memory: an encoder takes some for each element.
struct JSONList {
    private var bytes = [UInt8(ascii: "[")]

    /// - Parameter byteCount: About how long it will be.
    init(byteCount: Int = 0) { bytes.reserveCapacity(byteCount) }

    var isEmpty: Bool { bytes.count == 1 }

    /// Takes everything out, and keeps the memory.
    mutating func removeAll() { bytes.removeLast(bytes.count - 1) }

    /// Makes the whole array a line that is as long as `memory`, with blanks at its end; `false` where it is too long.
    func fillLine(_ memory: UnsafeMutableRawBufferPointer) -> Bool {
        guard bytes.count + 2 <= memory.count else { return false }
        let blanks = repeatElement(UInt8(ascii: " "), count: memory.count - bytes.count - 2)
        memory.copyBytes(from: bytes)
        memory[bytes.count] = UInt8(ascii: "]")
        UnsafeMutableRawBufferPointer(rebasing: memory[(bytes.count + 1)...]).copyBytes(from: blanks)
        memory[memory.count - 1] = UInt8(ascii: "\n")
        return true
    }

    /// The whole array.
    var text: String {
        String(unsafeUninitializedCapacity: bytes.count + 1) { memory in
            _ = memory.update(fromContentsOf: bytes)
            memory[bytes.count] = UInt8(ascii: "]")
            return memory.count
        }
    }

    mutating func append(_ text: Substring) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case ..<0x10: bytes += "\\u000\(String(byte, radix: 16))".utf8
            case ..<0x20: bytes += "\\u00\(String(byte, radix: 16))".utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func append(_ number: Int64) {
        separate()
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        var first = bytes.count
        var rest = number.magnitude
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        // A slice would be turned in memory of its own.
        var last = bytes.count - 1
        while first < last {
            bytes.swapAt(first, last)
            (first, last) = (first + 1, last - 1)
        }
    }

    /// Appends an array.
    mutating func appendList(_ fill: (inout JSONList) throws -> Void) rethrows {
        separate()
        bytes.append(UInt8(ascii: "["))
        try fill(&self)
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func separate() {
        if bytes.last != UInt8(ascii: "[") { bytes.append(UInt8(ascii: ",")) }
    }
}
