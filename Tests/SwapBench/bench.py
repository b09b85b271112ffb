"""Activates one model and goes back to the other, under a collector at work; see run.sh."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "Tests" / "EndToEnd"))
import bundles  # noqa: E402
from driver import Gleaner, stop, write_configuration  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
CONFIGURATION = "source: folder:camera\nselection: {budget: {share: 0.02}}\nstorage: {quota: 256 MiB}\n"


def feed(gleaner, pictures, is_over, counts, per_second=25):
    """Puts pictures before the collector until it is over, and takes those away that it has seen."""
    while not is_over.wait(1 / per_second):
        number = counts["put"]
        partial = gleaner.folder / ".frame"
        shutil.copy(pictures[number % len(pictures)], partial)
        partial.rename(gleaner.folder / "camera" / f"{number:08}.jpg")
        counts["put"] += 1
        if number >= 2000:
            (gleaner.folder / "camera" / f"{number - 2000:08}.jpg").unlink(missing_ok=True)


def memory(process):
    """Resident memory, in MiB, and how many files are open and threads there are."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    files = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
    return int(status["VmRSS"].split()[0]) / 1024, files, int(status["Threads"])


def swaps_of(log):
    return log.read_text(errors="replace").count("model swapped in")


def offered(gleaner):
    return json.loads(gleaner.text("status", "--json").stdout)["frames"]["offered"]


def wait_until(holds, log, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"it did not come to it: {log.read_text()[-2000:]}"
        time.sleep(0.02)


def slope(values):
    """Theil and Sen's: the median of the slopes between all pairs."""
    step = max(1, len(values) // 200)
    points = list(enumerate(values))[::step]
    return statistics.median((b - a) / (j - i) for at, (i, a) in enumerate(points) for j, b in points[at + 1 :])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=1000)
    count = parser.parse_args().swaps
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder), count)))


def measure(folder, count):
    gleaner = Gleaner(os.environ["GLEANER_BIN"], folder / "station")
    gleaner.text("init", gleaner.folder)
    (gleaner.folder / "camera").mkdir()
    write_configuration(gleaner.folder, CONFIGURATION)
    for version in (1, 2):
        made = bundles.make(DATA / "models" / f"meter-digits-v{version}", folder / f"v{version}")
        gleaner.text("model", "import", made)
    log = folder / "log"
    pictures = sorted((DATA / "meter-digits").rglob("*.jpg"))[:3000]
    is_over, counts = threading.Event(), {"put": 0}
    camera = threading.Thread(target=feed, args=(gleaner, pictures, is_over, counts))
    begin = time.monotonic()
    with open(log, "w") as file:
        process = subprocess.Popen(
            gleaner.command("run"), stdout=subprocess.DEVNULL, stderr=file)
        camera.start()
        wait_until(lambda: offered(gleaner) > 0, log)
        measured = []
        try:
            for number in range(count):
                back = number % 2 == 0
                gleaner.text(*(["model", "rollback"] if back else ["model", "activate", "meter-digits@2"]))
                wait_until(lambda number=number: swaps_of(log) > number, log)
                measured.append(memory(process))
        finally:
            is_over.set()
            camera.join()
        wait_until(lambda: offered(gleaner) >= counts["put"], log)
        code, _, _ = stop(process)
        assert code == 0, log.read_text()[-2000:]
    frames = json.loads(gleaner.text("status", "--json").stdout)["frames"]
    settled = [each[0] for each in measured[len(measured) // 10 :]]
    half = len(settled) // 2
    return {
        "swaps": count,
        "seconds": round(time.monotonic() - begin, 1),
        "frames": counts["put"],
        "frames_lost": counts["put"] - frames["offered"] + frames["dropped"],
        "rss_mib_first_half": round(statistics.median(settled[:half]), 1),
        "rss_mib_second_half": round(statistics.median(settled[half:]), 1),
        "rss_kib_per_swap": round(slope(settled) * 1024, 2),
        "files": [measured[len(measured) // 10][1], measured[-1][1]],
        "threads": [measured[len(measured) // 10][2], measured[-1][2]],
    }


if __name__ == "__main__":
    main()
