// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
]

let package = Package(
    name: "gleaner",
    products: [
        .executable(name: "gleaner", targets: ["gleaner"]),
        .library(name: "GleanerRuntime", targets: ["GleanerRuntime"]),
        .library(name: "GleanerTesting", targets: ["GleanerTesting"]),
    ],
    traits: [
        .trait(name: "Console", description: "What others may ask of a running collector over HTTP: ingest."),
        .trait(name: "JPEG", description: "JPEG frames, through TurboJPEG (libturbojpeg0-dev)."),
        .trait(name: "Network", description: "Destinations on the network."),
        .trait(name: "Video", description: "Video files, cameras and streams, through FFmpeg's libraries."),
        .trait(
            name: "Full", description: "Everything Gleaner can do.",
            enabledTraits: ["Console", "JPEG", "Network", "Video"]),
        .default(enabledTraits: ["Console", "Network"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // The operating system's libraries.
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
        // Headers alone: the libraries are loaded when the first video is opened.
        .systemLibrary(name: "CFFmpeg", providers: [.apt(["libavformat-dev", "libswscale-dev"])]),
        .target(name: "CLinux"),
        .target(name: "COnnxRuntime", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),

        // Nouns and protocols. Every library below sees this one and never a sibling.
        .target(
            name: "GleanerCore",
            dependencies: ["CLinux", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .target(
            name: "GleanerCapture",
            dependencies: ["GleanerCore", .target(name: "CFFmpeg", condition: .when(traits: ["Video"]))],
            swiftSettings: strict),
        .target(
            name: "GleanerImaging",
            dependencies: ["GleanerCore", "CPNG", .target(name: "CTurboJPEG", condition: .when(traits: ["JPEG"]))],
            swiftSettings: strict),
        .target(
            name: "GleanerConsole",
            dependencies: [
                "GleanerCore",
                .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["Console"])),
                .product(name: "HummingbirdCore", package: "hummingbird", condition: .when(traits: ["Console"])),
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Console"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Console"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Console"])),
            ],
            swiftSettings: strict),
        .target(name: "GleanerInference", dependencies: ["GleanerCore", "COnnxRuntime"], swiftSettings: strict),
        .target(name: "GleanerSelection", dependencies: ["GleanerCore"], swiftSettings: strict),
        .target(
            name: "GleanerStore",
            dependencies: ["GleanerCore", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .target(name: "GleanerExport", dependencies: ["GleanerCore", "Yams"], swiftSettings: strict),
        .target(
            name: "GleanerSync",
            dependencies: [
                "GleanerCore", "CLinux",
                .product(name: "AsyncHTTPClient", package: "async-http-client", condition: .when(traits: ["Network"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Network"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Network"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Network"])),
            ], swiftSettings: strict),

        // The one place that sees them all.
        .target(
            name: "GleanerRuntime",
            dependencies: [
                "GleanerCore", "GleanerCapture", "GleanerConsole", "GleanerImaging", "GleanerInference",
                "GleanerSelection", "GleanerStore", "GleanerExport", "GleanerSync", "CLinux", "Yams",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "gleaner",
            dependencies: [
                "GleanerRuntime", "GleanerCore",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),

        // Contract tests and fakes, for our implementations and others'.
        .target(name: "GleanerTesting", dependencies: ["GleanerCore"], swiftSettings: strict),

        .testTarget(name: "GleanerCoreTests", dependencies: ["GleanerCore"], swiftSettings: strict),
        .testTarget(
            name: "GleanerCaptureTests", dependencies: ["GleanerCapture", "GleanerCore", "GleanerTesting"],
            swiftSettings: strict),
        .testTarget(
            name: "GleanerConsoleTests", dependencies: ["GleanerConsole", "GleanerCore", "GleanerTesting"],
            swiftSettings: strict),
        .testTarget(
            name: "GleanerImagingTests", dependencies: ["GleanerImaging", "GleanerCore"], swiftSettings: strict),
        .testTarget(
            name: "GleanerInferenceTests",
            dependencies: ["GleanerInference", "GleanerImaging", "GleanerCore", "GleanerTesting"],
            swiftSettings: strict),
        .testTarget(
            name: "GleanerSelectionTests", dependencies: ["GleanerSelection", "GleanerCore", "GleanerTesting"],
            swiftSettings: strict),
        // Measures what selection promises; `Examples/label-efficiency` runs it.
        .executableTarget(
            name: "SelectionBench", dependencies: ["GleanerSelection", "GleanerCore"], path: "Tests/SelectionBench",
            swiftSettings: strict),
        // A collector in miniature that the store's tests kill at any moment.
        .executableTarget(
            name: "StoreStorm", dependencies: ["GleanerStore", "GleanerCore"], path: "Tests/StoreStorm",
            swiftSettings: strict),
        // Times the queue; `Tests/bench.sh` runs it.
        .executableTarget(
            name: "StoreBench", dependencies: ["GleanerStore", "GleanerCore"], path: "Tests/StoreBench",
            swiftSettings: strict),
        // Times the loop's kernels beside plain loops; `Tests/bench.sh` runs it.
        .executableTarget(
            name: "KernelBench",
            dependencies: [
                "GleanerCore", "GleanerImaging", "GleanerInference", "GleanerSelection", "GleanerTesting",
                .target(name: "CFFmpeg", condition: .when(traits: ["Video"])),
            ], path: "Tests/KernelBench", exclude: ["instructions.json", "instructions.py", "instructions.sh"],
            swiftSettings: strict),
        .testTarget(name: "KernelBenchTests", dependencies: ["KernelBench"], swiftSettings: strict),
        .testTarget(
            name: "GleanerStoreTests",
            dependencies: [
                "GleanerStore", "GleanerCore", "GleanerTesting", "StoreStorm",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "GleanerExportTests", dependencies: ["GleanerExport", "GleanerCore", "GleanerTesting"],
            swiftSettings: strict),
        // A bad link, for end-to-end tests.
        .executableTarget(
            name: "LinkFaults", dependencies: ["GleanerTesting"], path: "Tests/LinkFaults", swiftSettings: strict),
        .testTarget(
            name: "GleanerSyncTests",
            dependencies: ["GleanerSync", "GleanerCore", "GleanerTesting", "LinkFaults"],
            swiftSettings: strict),
        .testTarget(
            name: "GleanerRuntimeTests",
            dependencies: [
                "GleanerRuntime", "GleanerCore", "GleanerExport", "GleanerImaging", "GleanerInference",
                "GleanerSelection",
                "GleanerStore", "GleanerTesting", "gleaner", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
    ]
)
