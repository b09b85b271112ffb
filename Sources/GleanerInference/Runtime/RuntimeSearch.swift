import COnnxRuntime
import GleanerCore

/// Tries the libraries of some places, one after the other, until one is an ONNX Runtime that will do.
struct RuntimeSearch {
    let places: RuntimePlaces

    /// Why one library will not do.
    private struct Attempt {
        var code: GleanerError.Code
        var reason: String
    }

    func load() throws -> OnnxRuntime {
        var lines: [String] = []
        var attempts: [Attempt] = []
        for place in places.all {
            if place.libraries.isEmpty { lines.append("\(place.description): \(place.emptyReason)") }
            for library in place.libraries {
                switch try Self.open(library) {
                case .success(let runtime): return runtime
                case .failure(let attempt):
                    attempts.append(attempt)
                    lines.append("\(place.description): \(attempt.reason)")
                }
            }
        }
        throw Self.error(attempts, lines)
    }

    private enum Outcome {
        case success(OnnxRuntime)
        case failure(Attempt)
    }

    private static func open(_ library: String) throws -> Outcome {
        var opened = gleaner_ort_library()
        let outcome = gleaner_ort_open(library, &opened)
        let version = text(opened.version)
        switch outcome {
        case gleaner_ort_loaded:
            guard let api = opened.api else { break }
            return .success(try OnnxRuntime(api: api, path: text(opened.path), version: version))
        case gleaner_ort_too_old:
            let needed = "1.\(gleaner_ort_api_version)"
            let reason = "\(text(opened.path)) is ONNX Runtime \(version), and \(needed) or newer is needed"
            return .failure(Attempt(code: .runtimeTooOld, reason: reason))
        case gleaner_ort_no_entry:
            let reason = "\(library) is a library, but not ONNX Runtime (it lacks OrtGetApiBase)"
            return .failure(Attempt(code: .runtimeNotOnnxRuntime, reason: reason))
        default: break
        }
        return .failure(Attempt(code: .runtimeNotFound, reason: text(opened.reason)))
    }

    /// The error that tells most: a library that is nearly right says more than an empty folder.
    private static func error(_ attempts: [Attempt], _ lines: [String]) -> GleanerError {
        let variable = RuntimePlaces.variable
        if let old = attempts.first(where: { $0.code == .runtimeTooOld }) {
            return GleanerError(
                .runtimeTooOld, old.reason,
                remedy: "install a newer one (`pip install onnxruntime`), or name another with \(variable)")
        }
        if let other = attempts.first(where: { $0.code == .runtimeNotOnnxRuntime }) {
            return GleanerError(
                .runtimeNotOnnxRuntime, other.reason,
                remedy: "name the file libonnxruntime.so itself, not one of its companions")
        }
        let tried = lines.map { "\n    \($0)" }.joined()
        return GleanerError(
            .runtimeNotFound, "no ONNX Runtime library was found; tried:\(tried)",
            remedy: "`pip install onnxruntime` has one for most machines; or name your own with \(variable)")
    }

    /// The text of a C array of characters, up to its zero.
    private static func text<Characters>(_ characters: Characters) -> String {
        withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
