import Foundation
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where an ONNX Runtime library may lie, in the order in which it is looked for.
struct RuntimePlaces {
    /// One place, in words for a person, and the libraries there: paths, or names for the dynamic loader to find.
    struct Place: Equatable {
        var description: String
        var libraries: [String]
        /// What is said when there are no libraries.
        var emptyReason = "there is none"
    }

    var all: [Place]

    static func ofThisProcess(configuredPath: String?) -> RuntimePlaces {
        RuntimePlaces(
            configuredPath: configuredPath, environment: ProcessInfo.processInfo.environment,
            executableFolder: executableFolder())
    }

    /// - Parameter executableFolder: Where the running program lies; `nil` when nobody knows.
    init(configuredPath: String?, environment: [String: String], executableFolder: String?) {
        if let configuredPath {
            all = [Self.named(configuredPath, by: "the configured path")]
        } else if let path = environment[Self.variable], !path.isEmpty {
            all = [Self.named(path, by: "the environment's \(Self.variable)")]
        } else {
            all = Self.usual(environment: environment, executableFolder: executableFolder)
        }
    }

    static let variable = "GLEANER_ONNXRUNTIME"

    /// A path that somebody chose: a library, the folder of one, or a name for the dynamic loader.
    private static func named(_ path: String, by who: String) -> Place {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        guard exists, isFolder.boolValue else { return Place(description: "\(who) \(path)", libraries: [path]) }
        return folders([literal(path)], who, reason: "the folder has no libonnxruntime.so")
    }

    private static func usual(environment: [String: String], executableFolder: String?) -> [Place] {
        var places: [Place] = []
        if let folder = executableFolder {
            let below = ["", "/../lib/gleaner", "/../lib"].map { literal(folder) + $0 }
            places.append(folders(below, "beside the program"))
        }
        let home = literal(environment["HOME"] ?? NSHomeDirectory())
        let cache = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : literal($0) } ?? home + "/.cache"
        places.append(folders([cache + "/gleaner/onnxruntime"], "Gleaner's own folder"))
        places.append(
            Place(description: "the system", libraries: ["libonnxruntime.so.1", "libonnxruntime.so"]))
        places.append(
            folders(["/usr/local/lib", "/usr/lib", "/usr/lib/*-linux-gnu*", "/opt/onnxruntime/lib"], "usual folders"))
        places.append(wheels(environment: environment, home: home))
        return places
    }

    /// Python's wheel `onnxruntime` holds the library; Python itself is not asked.
    private static func wheels(environment: [String: String], home: String) -> Place {
        var roots = ["/usr/lib", "/usr/local/lib", home + "/.local/lib", home + "/.pyenv/versions/*/lib"]
        if let active = environment["VIRTUAL_ENV"], !active.isEmpty { roots.insert(literal(active) + "/lib", at: 0) }
        let packages = roots.map { $0 + "/python3*/*-packages/onnxruntime/capi" }
        return folders(packages, "an installed Python wheel")
    }

    /// The libraries in some folders, the newest version of each folder first.
    private static func folders(_ patterns: [String], _ who: String, reason: String? = nil) -> Place {
        let libraries = patterns.flatMap { pattern in
            matches(pattern + "/libonnxruntime.so*").sorted { $0.compare($1, options: .numeric) == .orderedDescending }
        }
        var place = Place(description: "\(who) (\(patterns.joined(separator: ", ")))", libraries: libraries)
        if let reason { place.emptyReason = reason }
        return place
    }

    /// A path whose own characters are not taken for a pattern's.
    private static func literal(_ path: String) -> String {
        String(path.flatMap { #"*?[]\"#.contains($0) ? ["\\", $0] : [$0] })
    }

    private static func matches(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0, let paths = found.gl_pathv else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
    }

    private static func executableFolder() -> String? {
        let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return program.map { PathName.parent(of: $0) }
    }
}
