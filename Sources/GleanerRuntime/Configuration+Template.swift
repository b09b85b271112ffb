import Foundation
import GleanerCore

extension Configuration {
    /// The text of a configuration with every key explained: what `gleaner init` writes.
    ///
    /// - Parameters:
    ///   - source: As `source` has it.
    ///   - budget: A line of `selection.budget`; `nil` for the default.
    static func template(source: String = "folder:camera", budget: String? = nil) -> String {
        """
        # A Gleaner deployment. Every key but `source` may be left out; what is shown is its default.
        # `gleaner check` looks for mistakes.

        # Where frames come from: pictures in this folder and its subfolders, in name order. `video:FILE` gives the
        # frames of a video; {type: video, path: FILE, frames_per_second: 2, region: [0, 120, 640, 240], encoding: png}
        # fewer of them, only a part (left, top, width, height), and kept without loss.
        # `ingest` takes frames from other programs with what their model said of them, at 127.0.0.1:8790;
        # {type: ingest, listen: "192.168.1.2:8790", token_file: token, socket: ingest.sock, socket_group: cameras}
        # from other machines, or through a socket. Of a list, [rtsp://barn/1, rtsp://yard/1], all take turns.
        source: \(plainOrQuoted(source))

        # Classes that labels may name beside those of the active model: what it is to learn next.
        # classes: [wasp, hornet]

        \(selection(budget))
        #   seed: 1
        #   strategies: [margin, box-uncertainty]   # gleaner components lists them all
        #   audit_share: 20 %                       # of the budget: kept by a coin, to measure the model without bias
        #   combine: largest                        # largest, weighted (each with a `weight:`) or first
        #   limits:                                 # none by default; audit samples are exempt
        #     per_hour: 100                         # per_minute, per_hour, per_day
        #     seconds_between: 2
        #     seconds_between_of_class: 60
        #   keep_factor: 3                          # frames kept for each label; which are labeled is chosen at export
        #   uncertainty_weight: auto                # against coverage, by the model's measured accuracy; or a share
        #   deduplicate: true
        #   hash_distance_max: 4                    # bits of 64 in which two pictures may differ and be the same
        #   embedding_distance_max: 0.12            # the same for what the model sees; 1 is as far as strangers are
        #   rescore_ms_per_second: 200              # for scoring kept frames anew after a change of model
        #   expire_after_days: 30                   # of collecting: a label that takes longer is not awaited
        #   in_flight_max: 1000                     # at most so many are away for labeling (default: any number)
        #   validation_share: 10 %

        # models:                                   # which models come in, and what they must show
        #   trusted_keys: []                        # only models signed by one of them come in; gleaner model keygen makes one
        #   proof:                                  # in a process of its own
        #     memory: 1 GiB
        #     load_seconds_max: 60
        #     frame_seconds_max: 5
        #     slowdown_max: 4                       # times the active model's time a frame
        #     latency_ms_max: 200                   # a frame, whatever the active model takes (default: any)
        #   gate:                                   # on this device's labeled audit samples, beside the active model
        #     require: not_worse                    # not_worse, better, operator (a person activates it), nothing
        #     margin: 10 %
        #     labels_min: 30                        # with fewer nothing is required
        #     labels_max: 500
        #   shadow:                                 # asked about live frames before it serves
        #     frames: 0
        #     every: 10
        #     cost: 10 %                            # of the time
        #   probation:
        #     frames: 200                           # watched for so long, with its predecessor at hand
        #   unload_first: false                     # for boards on which two models do not fit

        # storage:
        #   quota: 2 GiB                            # everything Gleaner has on the disk
        #   keep_free: 256 MiB                      # never leave less than this on the volume
        #   inline_bytes_max: 64 KiB                # smaller pictures live in the database
        #   audit_quota: 20 %
        #   delete_after_days: 7                    # of collecting: what a destination has acknowledged stays for so long
        #   decisions: 64 MiB                       # recorded for gleaner replay; 0 for none (a 50th of quota at most)

        # sync:                                     # batches leave, labels and models come in, when a link is there
        #   destinations:                           # gleaner components lists the kinds
        #     - to: folder:/media/stick
        #       name: stick                         # default: as `to` says it
        #       for: [labeling, training]
        #       formats: [coco]                     # views in each batch
        #       inbox: true                         # take labels and models that lie there
        #       hours: [22:00-06:00]                # by the clock of the device (default: always)
        #     - to: https://host.example/batches    # resumable uploads; Examples/receiver is the other side
        #       token_file: /etc/gleaner/token      # or token_env (default: none)
        #       ca: /etc/gleaner/server.pem         # the only certificates trusted (default: the system's)
        #       receipt: digest                     # or checksums, for servers that know of uploads only
        #       bandwidth: 64 KiB                   # a second (default: any)
        #     - to: label-studio:http://labels.example:8080   # tasks with pre-labels; annotations come back
        #       project: gleaner                    # its title; made when there is none
        #       token_env: LABEL_STUDIO_API_KEY     # or token_file
        #   every_minutes: 15
        #   batch_samples_min: 20                   # fewer leave when
        #   batch_hours: 24                         # the last batch is so old, in collecting time
        #   batch_samples_max: 500

        # inference:
        #   library: /usr/lib/libonnxruntime.so.1   # found by itself in the usual places
        #   threads: 2
        #   max_rate: 5                             # frames a second at most (default: all)
        #   duty_cycle: 0.5                         # rests as long as a frame took: small boards stay cool (default: 1)
        #   optimization: all                       # none, basic, extended, all
        #   spinning: false
        #   arena: true
        #   features: true                          # embeddings from inside the model, not from its outputs
        #   providers: [openvino, cpu]              # what starts first takes the model; cpu where nothing else does

        """
    }

    /// The head of the section `selection`.
    private static func selection(_ budget: String?) -> String {
        guard let budget else {
            return """
                # selection:
                #   budget:
                #     share: 2 %                            # of all frames; or labels_per_day: 200
                """
        }
        let isShare = budget.hasPrefix("share")
        let line = "    \(budget)".padding(toLength: 44, withPad: " ", startingAt: 0)
        return """
            selection:
              budget:
            \(line)# \(isShare ? "of all frames; or labels_per_day: 200" : "of collecting; or share: 2 %, of all frames")
            """
    }

    /// Text as YAML has it: quoted unless it can be taken for nothing else.
    private static func plainOrQuoted(_ text: String) -> String {
        let plain = text.wholeMatch(of: /[A-Za-z][A-Za-z0-9_.\/:-]*[A-Za-z0-9_.\/-]/) != nil
        guard !plain, let json = try? CanonicalJSON.encode(text) else { return text }
        return String(decoding: json, as: UTF8.self)
    }
}
