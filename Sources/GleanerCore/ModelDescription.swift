/// What a person says of a model that comes without a manifest. Everything that is left out is looked for in the
/// model, and what is not there is assumed and said.
public struct ModelDescription: Hashable, Sendable {
    /// The name that its versions share; `nil`: the file's.
    public var name: String?
    /// `nil`: one more than the newest of its name.
    public var version: Int?
    public var labels: [String]?
    public var width: Int?
    public var height: Int?
    public var color: InputSpec.Color?
    public var scale: Float?
    public var mean: [Float]?
    public var std: [Float]?
    public var fit: InputSpec.Fit?
    /// The decoder's name.
    public var decoder: String?
    public var decoderOptions: [String: JSONValue] = [:]

    public init() {}
}

/// Something of a model that nobody said: it was concluded from its file, or is merely usual.
public struct ModelAssumption: Hashable, Sendable, Codable {
    /// What is assumed, such as `color`.
    public var what: String
    /// Such as `RGB`.
    public var value: String
    /// What speaks for it.
    public var reason: String
    /// The option that says otherwise, such as `--color`.
    public var option: String
    public init(what: String, value: String, reason: String, option: String) {
        self.what = what
        self.value = value
        self.reason = reason
        self.option = option
    }
}

extension GleanerError.Code {
    /// A model without a manifest does not tell enough of itself.
    public static let modelUndescribed = Self("model.undescribed")
}
