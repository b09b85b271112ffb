public import GleanerCore
import GleanerExport
import GleanerInference
import GleanerSelection
import GleanerSync

/// Everything a configuration can ask for by name.
///
/// To add a component, write its file and one line here. Packages of others pass a `Registries` with more entries.
public struct Registries: Sendable {
    public var sources: Registry<SourceMaker>
    public var decoders: Registry<any OutputDecoder>
    public var strategies: Registry<any QueryStrategy>
    public var budgets: Registry<any BudgetManager>
    public var exportFormats: Registry<any ExportFormat>
    public var labelFormats: Registry<any LabelFormat>
    public var destinations: Registry<any Destination>

    /// What Gleaner ships with.
    public static let standard = Registries(
        sources: Registry(
            "source",
            [FolderSourceMaker.entry, VideoSourceMaker.entry, CameraSourceMaker.entry] + StreamSourceMaker.entries
                + [IngestSourceMaker.entry]),
        decoders: Registry(
            "decoder",
            [
                ClassificationDecoder.entry,
                YOLOAnchorsDecoder.entry,
                YOLOBoxesDecoder.yolov5,
                YOLOBoxesDecoder.yolov8,
                YOLOXDecoder.entry,
                YOLOEndToEndDecoder.entry,
                SSDPriorsDecoder.entry,
                BoxesDecoder.entry,
                DETRDecoder.entry,
                FastestDetDecoder.entry,
            ]),
        strategies: Registry(
            "query strategy",
            [
                Margin.entry,
                LeastConfidence.entry,
                Entropy.entry,
                Energy.entry,
                MultiLabel.entry,
                CloseToThreshold.entry,
                RandomUtility.entry,
                BoxUncertainty.entry,
                MissedObjects.entry,
                ClassRule.entry,
                RareClass.entry,
                Novelty.entry,
                Diversity.entry,
                Periodic.entry,
                Disagreement.entry,
            ]),
        budgets: Registry("budget", [QuantileBudget.entry]),
        exportFormats: Registry(
            "export format",
            [
                LabelStudioExport.entry,
                CocoExport.entry,
                YOLOExport.entry,
                VOCExport.entry,
                CVATExport.entry,
                ImageFolderExport.entry,
                WebDatasetExport.entry,
                CSVExport.entry,
            ]),
        labelFormats: Registry(
            "label format",
            [
                LabelStudioLabels.entry,
                CocoLabels.entry,
                YOLOLabels.entry,
                VOCLabels.entry,
                CVATLabels.entry,
                ImageFolderLabels.entry,
                WebDatasetLabels.entry,
                CSVLabels.entry,
            ]),
        destinations: Registry(
            "destination",
            [
                FolderDestination.entry,
                .s3,
                .https,
                .http,
                .labelStudio,
            ]))
}
