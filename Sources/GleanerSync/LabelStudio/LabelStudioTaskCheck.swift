#if Network
    import Foundation
    import GleanerCore

    /// Checks tasks before they are sent: Label Studio takes unknown classes, boxes outside the picture and impossible
    /// scores without a word, and shows nothing or nonsense then.
    struct LabelStudioTaskCheck {
        let interface: LabelingInterface
        /// Controls that predictions use.
        private(set) var controls: Set<String> = []

        init(_ interface: LabelingInterface) { self.interface = interface }

        /// A task as the view has it; names of keys are Label Studio's.
        private struct Task: Decodable {
            struct Names: Decodable {
                var image: String
                var sample_id: String
            }
            struct Prediction: Decodable {
                var score: Double?
                var result: [Region]
            }
            var data: Names
            var predictions: [Prediction]?
        }
        private struct Region: Decodable {
            var from_name: String
            var to_name: String
            var type: String
            var score: Double?
            var value: LabelStudioValue
        }

        /// What is wrong with something in a task.
        private struct Fault: Error { var text: String }

        /// - Parameter sample: the id that the task must have.
        /// - Throws: ``GleanerError`` with code `destination.rejected` naming what is wrong.
        mutating func check(_ task: Data, of sample: String) throws {
            do {
                let task: Task = try CanonicalJSON.decode(from: task, named: "it")
                guard task.data.sample_id == sample else { throw Fault(text: "is of '\(task.data.sample_id)'") }
                for prediction in task.predictions ?? [] {
                    try check(score: prediction.score)
                    for region in prediction.result { try check(region) }
                }
            } catch let fault as Fault {
                throw rejected("the task of sample \(sample) \(fault.text)", cause: nil)
            } catch {
                throw rejected("the task of sample \(sample) is none", cause: error)
            }
        }

        private func rejected(_ message: String, cause: (any Error)?) -> GleanerError {
            GleanerError(
                .destinationRejected, message,
                remedy: "Label Studio would take it in silence; look at the model's outputs and classes", cause: cause)
        }

        private mutating func check(_ region: Region) throws {
            guard let control = interface.controls[region.from_name], region.to_name == control.target,
                region.type == control.kind.resultType
            else { throw Fault(text: "has a prediction for the control '\(region.from_name)', which there is not") }
            controls.insert(region.from_name)
            try check(score: region.score)
            switch control.kind {
            case .choices: try check(region.value.choices, in: control)
            case .rectangles:
                try check(region.value.rectanglelabels, in: control)
                try checkBox(region.value)
            }
        }

        private func check(score: Double?) throws {
            guard let score, !(0...1).contains(score) else { return }
            throw Fault(text: "has the score \(score), which is not from 0 to 1")
        }

        private func check(_ classes: [String]?, in control: LabelingInterface.Control) throws {
            guard let classes, !classes.isEmpty else { throw Fault(text: "has a prediction without a class") }
            guard let unknown = classes.first(where: { !control.values.contains($0) }) else { return }
            throw Fault(text: "has the class '\(PathName.printable(unknown))', which the labeling interface lacks")
        }

        private func checkBox(_ value: LabelStudioValue) throws {
            guard let x = value.x, let y = value.y, let width = value.width, let height = value.height,
                x >= 0, y >= 0, width > 0, height > 0, x + width <= 100 + 1e-9, y + height <= 100 + 1e-9
            else { throw Fault(text: "has a box that is not within the picture") }
        }
    }
#endif
