"""Exporting against copying the same files, importing labels, and memory at two sizes; see run.sh."""

import argparse
import contextlib
import csv
import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "EndToEnd"))
from benches import kept, measured, noise  # noqa: E402

KEEP_ALL = "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\nstorage: {quota: 40 GiB, keep_free: 1 GiB}\n"
FORMATS = ["coco", "label-studio", "csv", "yolo", "voc", "cvat", "imagefolder", "webdataset"]


def station(folder, count, size):
    """A deployment that has kept `count` JPEGs of a size."""

    def draw(camera):
        for number in range(count):
            noise(camera / f"{number:06}.jpg", size, number, quality=75)

    begin = time.monotonic()
    gleaner = kept(folder, KEEP_ALL, draw)
    print(f"   {count} frames of {size[0]} × {size[1]} made and kept in {time.monotonic() - begin:.0f} s", file=sys.stderr)
    return gleaner


def forget(folder):
    """Lets the system write out everything and forget what it read below a folder, so that each starts from the disk."""
    os.sync()
    for path in Path(folder).rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def export_against_copy(work, count, rounds):
    gleaner = station(work / "large", count, (640, 480))
    frames = gleaner.folder / "frames"
    ratios = []
    for number in range(rounds):
        forget(frames)
        words = gleaner.command("export", "--for", "labeling", "--format", "coco", "--to", work / f"out{number}", "--limit", count)
        exporting, _ = measured(words)
        forget(frames)
        script = 'cp -r "$1" "$2" && sync && find "$2" -type f -print0 | xargs -0 sha256sum > "$2.sums"'
        copying, _ = measured(["bash", "-c", script, "_", frames, work / f"copy{number}"])
        ratios.append(copying / exporting)
        print(f"   export {exporting:.1f} s, copy {copying:.1f} s: {ratios[-1]:.2f}", file=sys.stderr)
        batch = next((work / f"out{number}").iterdir())
        assert not any(path.stat().st_nlink > 1 for path in (batch / "frames").iterdir())
        for folder in (work / f"out{number}", work / f"copy{number}"):
            shutil.rmtree(folder)
        bring_back(gleaner)
    return statistics.median(ratios)


def bring_back(gleaner):
    """Puts exported samples back into the queue, as if their batch had never left."""
    with contextlib.closing(sqlite3.connect(gleaner.folder / "queue.sqlite")) as store, store:
        store.execute("UPDATE sample SET label_state = 'queued' WHERE label_state = 'exported'")
        store.execute("DELETE FROM batch_sample")
        store.execute("DELETE FROM batch")


def labels(work, gleaner, count):
    """Seconds to import labels for every sample."""
    path = work / "labels.csv"
    box = json.dumps([{"label": "cat", "box": {"x": 1, "y": 2, "width": 10, "height": 9}}])
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sample_id", "label"])
        ids = json.loads(gleaner.text("sample", "list", "--limit", 10_000_000, "--json").stdout)["samples"]
        writer.writerows((line["sample"]["id"], box) for line in ids)
    assert len(ids) == count
    return measured(gleaner.command("label", "import", path, "--format", "csv"))


def memory(work, gleaner, few, many):
    """Peak MiB of exporting `few` and `many` samples in each format."""
    found = {}
    for name in FORMATS:
        peaks = []
        for count in (few, many):
            to = work / f"{name}-{count}"
            seconds, peak = measured(
                gleaner.command("export", "--for", "training", "--format", name, "--to", to, "--limit", count, "--all"))
            peaks.append(peak)
            print(f"   {name}: {count} samples in {seconds:.1f} s, {peak:.0f} MiB", file=sys.stderr)
            shutil.rmtree(to)
        found[name] = peaks
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the samples")
    parser.add_argument("--work", type=Path, help="where the files go; the disk that is measured")
    given = parser.parse_args()
    few, many, rounds = (1_000, 10_000, 3) if given.quick else (10_000, 100_000, 3)
    work = Path(tempfile.mkdtemp(prefix="gleaner-formats-", dir=given.work))
    try:
        answer = {"export_against_copy": round(export_against_copy(work, few, rounds), 3), "exported": few}
        shutil.rmtree(work / "large")
        small = station(work / "small", many, (64, 48))
        seconds, peak = labels(work, small, many)
        answer |= {"labels": many, "labels_seconds": round(seconds, 1), "labels_mib": round(peak)}
        peaks = memory(work, small, few, many)
        answer |= {"memory_mib": {name: [round(each) for each in pair] for name, pair in peaks.items()}}
        answer |= {"memory_growth": round(max(pair[1] / pair[0] for pair in peaks.values()), 2)}
        print(json.dumps(answer))
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
