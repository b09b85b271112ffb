/// The value of one mark in Label Studio's JSON, a choice or a rectangle, for whoever writes, reads or checks tasks; names of
/// keys are its own.
public struct LabelStudioValue: Hashable, Sendable, Codable {
    public var choices: [String]?
    public var rectanglelabels: [String]?
    /// Percent of the frame, 0…100; the origin is the top left corner.
    public var x: Double?
    public var y: Double?
    public var width: Double?
    public var height: Double?
    /// Degrees, clockwise.
    public var rotation: Double?

    public init(choices: [String]) { self.choices = choices }
    public init(rectanglelabels: [String], x: Double, y: Double, width: Double, height: Double) {
        self.rectanglelabels = rectanglelabels
        (self.x, self.y, self.width, self.height) = (x, y, width, height)
        rotation = 0
    }
}
