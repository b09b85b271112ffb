"""Gleaner itself, driven as a person or a script drives it: over the command line, one deployment for each run."""

import csv
import json
import os
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "retrain"))
import pack_model

GLEANER = os.environ.get("GLEANER_BIN", "gleaner")


class Device:
    """A way to choose, like those of the baselines, but that the frames really pass the collector."""

    def __init__(self, folder, share, seed, class_count, options=None, trains_on_audit=False):
        self.folder, self.class_count, self.trains_on_audit = Path(folder), class_count, trains_on_audit
        self.folder.mkdir(parents=True)
        self.version = 0
        self.sent = {}  # sample id -> number of its frame in the stream
        self.audit = set()
        self.station = self.folder / "station"
        self.run("init", self.station)
        selection = {
            "seed": seed, "budget": {"share": share}, "rescore_ms_per_second": 1000, **(options or {}),
        }
        # JSON is YAML.
        (self.station / "gleaner.yaml").write_text(json.dumps({"selection": selection,
            "classes": [str(each) for each in range(class_count)], "inference": {"threads": 1}}))

    def run(self, *words):
        ours = [] if words[0] == "init" else ["-C", str(self.station)]
        done = subprocess.run(
            [GLEANER, *map(str, words), *ours, "--json"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"gleaner {' '.join(map(str, words))}: {done.stderr}")
        return json.loads(done.stdout)

    def install(self, learner):
        """Packs a model and imports it."""
        self.version += 1
        path = self.folder / f"model-{self.version}.onnx"
        learner.to_onnx(path)
        spec = {"task": "classification", "decoder": "classification", **learner.spec}
        manifest = pack_model.manifest_for(
            path.read_bytes(), name="bench", version=self.version,
            labels=[str(each) for each in range(self.class_count)], trained_on=[],
            trained_on_test=self.trains_on_audit, **spec)
        bundle = self.folder / f"bundle-{self.version}"
        pack_model.write_bundle(str(bundle), manifest, path.read_bytes())
        self.run("model", "import", bundle)

    def choose(self, camera):
        """Lets a round's folder pass; returns the numbers of the frames, in the whole stream, that leave for labeling."""
        self.run("run", "--until-end", "--source", f"folder:{camera}")
        numbers = []
        batches = self.run("export", "--for", "labeling", "--format", "csv", "--to", self.folder / "out")["batches"]
        for batch in batches:
            for line in (Path(batch["folder"]) / "samples.jsonl").read_text().splitlines():
                sample = json.loads(line)
                number = int(sample["origin"].split(".")[0])
                self.sent[number] = sample["id"]
                if sample["reason"] == "audit":
                    self.audit.add(number)
                numbers.append(number)
        return np.array(numbers, int)

    def label(self, numbers, classes):
        """Labels come back for some of those that left."""
        path = self.folder / "labels.csv"
        with open(path, "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["id", "label"])
            table.writerows([self.sent[number], str(each)] for number, each in zip(numbers, classes))
        self.run("label", "import", path, "--format", "csv")

    def report(self):
        return self.run("report")


def write_frames(stream, folder):
    """A folder of pictures for each round of a stream, numbered through; they are kept, and written only once."""
    folder = Path(folder)
    paths = [folder / f"round-{number}" for number in range(len(stream.rounds))]
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.{os.getpid()}")
        count = 0
        for path, part in zip(paths, stream.rounds):
            (partial / path.name).mkdir(parents=True)
            for frame in part.frames:
                (partial / path.name / f"{count:07}.png").write_bytes(png(frame))
                count += 1
        try:
            partial.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(partial)
    return paths


def png(frame):
    """A grey (height x width) or colour (height x width x 3) picture as PNG."""
    height, width = frame.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), frame.reshape(height, -1)], 1).tobytes()

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2 if frame.ndim == 3 else 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
