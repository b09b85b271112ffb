"""Gleaner's loop beside what one would use instead, each in the same run; see ../bench.sh."""

import argparse
import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(HERE.parent / "EndToEnd"))
import allocations  # noqa: E402
import bundles  # noqa: E402
import kernels  # noqa: E402
import networks  # noqa: E402
from benches import measured, noise  # noqa: E402
from driver import Gleaner, stop, write_configuration  # noqa: E402

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
        """Seconds of a whole run until the source ends, and its peak memory in MiB."""
        self.number += 1
        folder = self.work / f"run-{self.number}"
        shutil.copytree(self.ready, folder)
        gleaner = Gleaner(os.environ["GLEANER_BIN"], folder)
        os.sync()
        seconds, peak = measured(gleaner.command("run", "--until-end"))
        offered = gleaner("status")["frames"]["offered"]
        assert offered == frames, (offered, frames)
        return seconds, peak

    def seconds(self, frames):
        return self.run(frames)[0]


def camera(folder, count, size):
    """A folder of pictures of a size."""
    folder.mkdir()
    for number in range(count):
        noise(folder / f"{number:06}.jpg", size, number, quality=75)
    return folder


def against_script(work, network, count, rounds, threads):
    """Frames a second of a folder of pictures, all kept, beside the plain script.

    The script's seconds are its loop's alone; ours are the whole command's less what one without frames takes.
    """
    work.mkdir()
    model = network(work / "net.onnx")
    pictures, nothing = camera(work / "camera", count, (640, 480)), camera(work / "nothing", 0, None)
    deployments = Deployments(work / "ours", model, f"folder:{pictures}", EVERYTHING, threads)
    idle = Deployments(work / "idle", model, f"folder:{nothing}", EVERYTHING, threads)
    queues = iter(range(1_000_000))

    def script():
        os.sync()
        words = [sys.executable, HERE / "script.py", model, pictures, work / f"queue-{next(queues)}.sqlite", threads]
        return float(subprocess.run(list(map(str, words)), check=True, stdout=subprocess.PIPE).stdout)

    ours, theirs, ratio = paired(rounds, lambda: deployments.seconds(count) - idle.seconds(0), script)
    return ratio, {"frames_per_s": round(count / ours, 1), "script_frames_per_s": round(count / theirs, 1)}


def fastestdet(work):
    """FastestDet's file, and its bundle."""
    folder = DATA / "models" / "fastestdet-coco-352"
    return folder / "model.onnx", bundles.make(folder, work / "bundle")


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
    model, bundle = fastestdet(work)
    count, nothing = 1189, camera(work / "nothing", 0, None)
    # Otherwise most frames are known for what was kept before any inference.
    selection = "{budget: {share: 0.02}, deduplicate: false}"
    video = f"video:{DATA / 'detection' / 'video' / 'bottle-detection.mp4'}"
    deployments = Deployments(work / "ours", bundle, video, selection, 1)
    idle = Deployments(work / "idle", bundle, f"folder:{nothing}", selection, 1)

    def raw():
        words = [sys.executable, "-c", RAW, model, count]
        return float(subprocess.run(list(map(str, words)), check=True, stdout=subprocess.PIPE).stdout)

    ours, theirs, ratio = paired(rounds, lambda: deployments.seconds(count) - idle.seconds(0), raw)
    return ratio, {"frames_per_s": round(count / ours, 1), "raw_frames_per_s": round(count / theirs, 1)}


def over_floor(work, rounds):
    """What a frame of 1280 × 720 takes beside inference, from a JPEG in memory to the decision, against its parts alone."""
    work.mkdir()
    _, bundle = fastestdet(work)
    pictures = camera(work / "camera", 50, (1280, 720))
    deployments = Deployments(work / "ours", bundle, f"folder:{pictures}", "{budget: {share: 0.02}}", 1)
    gleaner = Gleaner(os.environ["GLEANER_BIN"], deployments.ready)
    found = [gleaner("bench", "--frames", 200) for _ in range(rounds)]
    medians = {
        name: {
            line["stage"]: round(statistics.median(lines), 3)
            for stage, line in enumerate(found[0]["stages"])
            if (lines := [each["stages"][stage].get(name) for each in found])[0] is not None
        }
        for name in ("p50", "alone")
    }
    return statistics.median(each["over_parts"] for each in found), medians


RUNTIME_ALONE = """
import sys
import numpy
def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024
before = resident()
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
(spec,) = session.get_inputs()
for number in range(20):
    session.run(None, {spec.name: numpy.zeros(spec.shape, numpy.float32)})
print(resident() - before)
"""


def extra_memory(work, rounds):
    """Peak MiB of a run at 1280 × 720 over what ONNX Runtime adds to an empty process with the same model."""
    work.mkdir()
    model, bundle = fastestdet(work)
    pictures = camera(work / "camera", 60, (1280, 720))
    deployments = Deployments(work / "ours", bundle, f"folder:{pictures}", "{budget: {share: 0.1}}", 1)
    words = [sys.executable, "-c", RUNTIME_ALONE, model]
    alone = [float(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout) for _ in range(rounds)]
    peaks = [deployments.run(60)[1] for _ in range(rounds)]
    ours, runtime = statistics.median(peaks), statistics.median(alone)
    return ours - runtime, {"peak_mib": round(ours, 1), "runtime_mib": round(runtime, 1)}


def a_day(work, frames):
    """By how many MiB the memory of a run grows from its second quarter to its end: a day's frames, as fast as they go.

    Every frame is looked at by a small model, and one in a thousand kept.
    """
    work.mkdir()
    video = DATA / "detection" / "video" / "bottle-detection.mp4"
    count = 1189
    rounds = max(1, round(frames / count))
    long = work / "day.mp4"
    words = ["ffmpeg", "-loglevel", "error", "-stream_loop", rounds - 1, "-i", video, "-c", "copy", "-an", long]
    subprocess.run(list(map(str, words)), check=True)
    selection = "{budget: {share: 0.001}, deduplicate: false}"
    deployments = Deployments(work / "ours", networks.small(work / "net.onnx"), f"video:{long}", selection, 1)
    gleaner = Gleaner(os.environ["GLEANER_BIN"], deployments.ready)
    begin = time.monotonic()
    process, found = gleaner.start("run", "--until-end"), []
    while process.poll() is None:
        found.append(resident(process.pid))
        time.sleep(0.1)
    seconds = time.monotonic() - begin
    assert process.returncode == 0, process.stderr.read()
    assert (offered := gleaner("status")["frames"]["offered"]) == rounds * count, offered
    found = [each for each in found if each]
    second, second_half = found[len(found) // 4 : len(found) // 2], found[len(found) // 2 :]
    figures = {"frames": offered, "frames_per_s": round(offered / seconds, 1)}
    return max(second_half) - max(second), {**figures, "mib": round(max(second), 1), "mib_at_end": round(max(second_half), 1)}


def resident(process):
    """MiB that a process has in memory; 0 when it is gone."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
    return 0.0


def frame_allocations(work, frames):
    """What a frame of a camera's folder that is not kept allocates in Gleaner's own code; all owners beside it."""
    work.mkdir()
    found = allocations.per_frame(work / "runs", networks.small(work / "net.onnx"), frames)
    return allocations.ours(found), allocations.by_owner(found)


def kernel_ratios(rounds):
    """The slowest kernel's ratio to a plain loop, FFmpeg's scaler or OpenCV; all of them beside it."""
    output = subprocess.run([os.environ["KERNEL_BENCH"]], check=True, stdout=subprocess.PIPE).stdout
    details = json.loads(output)
    for name in kernels.KERNELS:
        _, theirs, ratio = paired(rounds, *kernels.sides(name, 40))
        details[name] |= {"opencv_us": round(1e6 * theirs / 40, 3), "vs_opencv": round(ratio, 3)}
    return min(value for row in details.values() for key, value in row.items() if key.startswith("vs_")), details


def store_bench(*words):
    words = [os.environ["STORE_BENCH"], *map(str, words)]
    output = subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output) if output.strip() else None


def queue(folder):
    gleaner = Gleaner(os.environ["GLEANER_BIN"], folder)
    gleaner("init", folder)
    return gleaner


def raw_write(work, count):
    """Durable frames of 100 KB a second, beside a plain loop that writes each to a file of its own and flushes it."""
    queue(work)
    found = store_bench("write", work, count, 100_000)
    return found.pop("ratio"), found


def growth(work, samples, groups):
    """What a sample costs in a queue of so many, beside one of a thousand: medians of groups, both in turn."""
    work.mkdir()
    begin = time.monotonic()
    for name, count in (("small", 1000), ("large", samples)):
        queue(work / name)
        store_bench("grow", work / name, count)
    print(f"   filled in {time.monotonic() - begin:.0f} s", file=sys.stderr)
    found = {"small": [], "large": []}
    for number in range(5):
        for name in ("small", "large") if number % 2 else ("large", "small"):
            # A queue of a thousand does not stay one for long.
            folder = work / f"{name}-{number}" if name == "small" else work / name
            if name == "small":
                shutil.copytree(work / name, folder)
            found[name].append(store_bench("enqueue", folder, groups))
    both = {
        name: {key: round(statistics.median(each[key] for each in lines), 2) for key in lines[0]}
        for name, lines in found.items()
    }
    ratio = statistics.median(large["p50_us"] / small["p50_us"] for small, large in zip(*found.values()))
    both["p99_ratio"] = round(statistics.median(b["p99_us"] / a["p99_us"] for a, b in zip(*found.values())), 2)
    return ratio, both


def start(work, grown, rounds):
    """Seconds from the start of a run to its first durable decision over a full queue; beside it over an empty one."""

    def offered(folder):
        with contextlib.closing(sqlite3.connect(f"file:{folder / 'queue.sqlite'}?mode=ro", uri=True)) as database:
            return database.execute("SELECT coalesce(sum(count), 0) FROM total WHERE outcome = 'offered'").fetchone()[0]

    work.mkdir()
    model = networks.small(work / "net.onnx")
    pictures = camera(work / "camera", 1, (640, 480))
    one = work / "one"
    one.mkdir()
    found = {}
    for name, folder in (("full", grown), ("empty", work / "empty")):
        gleaner = queue(folder) if name == "empty" else Gleaner(os.environ["GLEANER_BIN"], folder)
        write_configuration(
            folder, f"source: folder:{one}\nselection: {EVERYTHING}\nstorage: {{quota: 100 GiB, keep_free: 1 MiB}}\n"
        )
        gleaner("model", "import", model)
        found[name] = []
        for number in range(rounds + 1):
            shutil.copy(pictures / "000000.jpg", one / f"{name}-{number}.jpg")
            # One that was just written might still grow: it would be waited for.
            os.utime(one / f"{name}-{number}.jpg", (1e9, 1e9))
            before = offered(folder)
            begin = time.monotonic()
            process = gleaner.collecting()
            while offered(folder) == before:
                assert time.monotonic() - begin < 60, "no frame is looked at"
                time.sleep(0.005)
            found[name] += [time.monotonic() - begin] if number else []
            stop(process)
    medians = {name: round(statistics.median(seconds), 3) for name, seconds in found.items()}
    return medians["full"], medians


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer frames and samples, three rounds")
    parser.add_argument("--only", action="append", help="a row by its name")
    parser.add_argument("--work", type=Path, help="where the files go; the disk that is measured")
    given = parser.parse_args()
    rounds, count, samples = (3, 200, 100_000) if given.quick else (7, 500, 1_000_000)
    work = Path(tempfile.mkdtemp(prefix="gleaner-bench-", dir=given.work))
    rows = {
        "vs_script_small": lambda place: against_script(place, networks.small, count, rounds, 1),
        "vs_script_mobilenet": lambda place: against_script(place, networks.mobilenet, count, rounds, 1),
        "of_raw_inference": lambda place: against_raw_inference(place, rounds),
        "over_floor": lambda place: over_floor(place, rounds),
        "allocations": lambda place: frame_allocations(place, 2000 if given.quick else 10_000),
        "kernels": lambda place: kernel_ratios(rounds),
        "of_raw_write": lambda place: raw_write(place, 256),
        "extra_rss_mib": lambda place: extra_memory(place, rounds),
        "day_growth_mib": lambda place: a_day(place, samples * 432 // 1000),
        "growth_1k_to_1m": lambda place: growth(place, samples, 100),
        "start_s": lambda place: start(place, work / "growth_1k_to_1m" / "large", rounds),
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
