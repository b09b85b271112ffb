"""Gleaner's loop beside what one would use instead, each in the same run; see ../bench.sh."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(HERE.parent / "EndToEnd"))
import bundles  # noqa: E402
import networks  # noqa: E402
from benches import measured, noise  # noqa: E402
from driver import Gleaner, write_configuration  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
EVERYTHING = "{budget: {share: 1}, deduplicate: false}"


def paired(rounds, ours, theirs):
    """Medians of the two and of their ratio: each round runs both, every second one backwards; the first is a warm-up."""
    found = []
    for number in range(rounds + 1):
        sides = [ours, theirs] if number % 2 == 0 else [theirs, ours]
        seconds = {side: side() for side in sides}
        if number:
            found.append((seconds[ours], seconds[theirs]))
            print(f"   {seconds[ours]:.4f} {seconds[theirs]:.4f}", file=sys.stderr)
    return [statistics.median(each) for each in zip(*found)] + [statistics.median(b / a for a, b in found)]


class Deployments:
    """Deployments with one model, made anew for each run."""

    def __init__(self, work, model, source, selection, threads):
        self.work, self.number = work, 0
        self.model = model
        self.configuration = (
            f"source: {json.dumps(source)}\nselection: {selection}\n"
            f"storage: {{quota: 20 GiB, keep_free: 1 GiB}}\ninference: {{threads: {threads}}}\n"
        )
        self.ready = self.work / "ready"
        gleaner = Gleaner(os.environ["GLEANER_BIN"], self.ready)
        gleaner("init", self.ready)
        gleaner("model", "import", model)
        write_configuration(self.ready, self.configuration)

    def run(self, frames):
        """Seconds of a whole run until the source ends."""
        self.number += 1
        folder = self.work / f"run-{self.number}"
        shutil.copytree(self.ready, folder)
        gleaner = Gleaner(os.environ["GLEANER_BIN"], folder)
        os.sync()
        seconds, _ = measured(gleaner.command("run", "--until-end"))
        offered = gleaner("status")["frames"]["offered"]
        assert offered == frames, (offered, frames)
        return seconds


def against_script(work, network, count, rounds, threads):
    """Frames a second of a folder of pictures, all kept, beside the plain script.

    The script's seconds are its loop's alone; ours are the whole command's less what one without frames takes.
    """
    work.mkdir()
    model = network(work / "net.onnx")
    camera, nothing = work / "camera", work / "nothing"
    for folder in (camera, nothing):
        folder.mkdir()
    for number in range(count):
        noise(camera / f"{number:06}.jpg", (640, 480), number, quality=75)
    deployments = Deployments(work / "ours", model, f"folder:{camera}", EVERYTHING, threads)
    idle = Deployments(work / "idle", model, f"folder:{nothing}", EVERYTHING, threads)
    queues = iter(range(1_000_000))

    def script():
        os.sync()
        words = [sys.executable, HERE / "script.py", model, camera, work / f"queue-{next(queues)}.sqlite", threads]
        return float(subprocess.run(list(map(str, words)), check=True, stdout=subprocess.PIPE).stdout)

    ours, theirs, ratio = paired(rounds, lambda: deployments.run(count) - idle.run(0), script)
    return ratio, {"frames_per_s": round(count / ours, 1), "script_frames_per_s": round(count / theirs, 1)}


RAW = """
import sys, time
import numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
(spec,) = session.get_inputs()
tensors = [numpy.random.default_rng(each).random(spec.shape, numpy.float32) for each in range(8)]
for tensor in tensors:
    session.run(None, {spec.name: tensor})
begin = time.perf_counter()
for number in range(int(sys.argv[2])):
    session.run(None, {spec.name: tensors[number % 8]})
print(time.perf_counter() - begin)
"""


def against_raw_inference(work, rounds):
    """Frames a second of a video, all that is worth a label kept, beside ONNX Runtime alone on ready tensors.

    The raw runs' seconds are their loop's alone; ours are the whole command's less what one without frames takes.
    """
    work.mkdir()
    model, count = DATA / "models" / "fastestdet-coco-352", 1189
    bundle = bundles.make(model, work / "bundle")
    (work / "nothing").mkdir()
    # Otherwise most frames are known for what was kept before any inference.
    selection = "{budget: {share: 0.02}, deduplicate: false}"
    video = f"video:{DATA / 'detection' / 'video' / 'bottle-detection.mp4'}"
    deployments = Deployments(work / "ours", bundle, video, selection, 1)
    idle = Deployments(work / "idle", bundle, f"folder:{work / 'nothing'}", selection, 1)

    def raw():
        words = [sys.executable, "-c", RAW, model / "model.onnx", count]
        return float(subprocess.run(list(map(str, words)), check=True, stdout=subprocess.PIPE).stdout)

    ours, theirs, ratio = paired(rounds, lambda: deployments.run(count) - idle.run(0), raw)
    return ratio, {"frames_per_s": round(count / ours, 1), "raw_frames_per_s": round(count / theirs, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer frames, three rounds")
    parser.add_argument("--only", action="append", help="a row by its name")
    parser.add_argument("--work", type=Path, help="where the files go; the disk that is measured")
    given = parser.parse_args()
    rounds = 3 if given.quick else 7
    count = 200 if given.quick else 500
    work = Path(tempfile.mkdtemp(prefix="gleaner-bench-", dir=given.work))
    rows = {
        "vs_script_small": lambda place: against_script(place, networks.small, count, rounds, 1),
        "vs_script_mobilenet": lambda place: against_script(place, networks.mobilenet, count, rounds, 1),
        "of_raw_inference": lambda place: against_raw_inference(place, rounds),
    }
    answer, details = {}, {}
    try:
        for name, row in rows.items():
            if given.only and name not in given.only:
                continue
            print(name, file=sys.stderr)
            answer[name], details[name] = row(work / name)
            answer[name] = round(answer[name], 3)
            print(f"   {answer[name]} {details[name]}", file=sys.stderr)
        print(json.dumps({**answer, "details": details}))
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
