"""Exports real labeled samples in every format, lets each consumer read them and write them anew, and takes that back
into a deployment that has no labels yet: frames, ids, classes and boxes must be the same.

    check.py [--out FOLDER] CONSUMER=PYTHON...
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "EndToEnd"))
import bundles  # noqa: E402
from driver import ROOT, Gleaner, samples_of, write_configuration  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
FORMATS = {
    "detection": ["coco", "label-studio", "csv", "yolo", "voc", "cvat", "imagefolder", "webdataset"],
    "classification": ["coco", "label-studio", "csv", "yolo", "cvat", "imagefolder", "webdataset"],
}
KEEP_ALL = "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\n"
# What a tool may change: some round to whole pixels, and supervision takes the first pixel of Pascal VOC for 1.
PIXELS_MAX = 1.01


def orchard(gleaner):
    """Pictures of apple trees with their apples."""
    gleaner("model", "import", bundles.make(DATA / "models/fastestdet-coco-352", gleaner.folder.parent / "fastestdet"))
    document = json.loads((DATA / "detection/orchard_apple/field.json").read_text())
    names = {picture["id"]: Path(picture["file_name"]).name for picture in document["images"]}
    truth = {name: [] for name in names.values()}
    for each in document["annotations"]:
        box = dict(zip(("x", "y", "width", "height"), each["bbox"]))
        truth[names[each["image_id"]]].append({"label": "apple", "box": box})
    return DATA / "detection/orchard_apple/images/field", {name: json.dumps(boxes) for name, boxes in truth.items()}


def meters(gleaner):
    """Pictures of digits of meters with their digit."""
    gleaner("model", "import", bundles.make(DATA / "models/meter-digits-v1", gleaner.folder.parent / "meter"))
    with open(DATA / "meter-digits/labels.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "field"][:300]
    truth = {Path(row["file"]).name: row["label"] for row in rows}
    return DATA / "meter-digits/images/field", truth


class Station:
    """A deployment that has kept and labeled everything, and its twin from before the labels."""

    def __init__(self, kind, make, binary, folder):
        self.kind = kind
        self.blank = folder / f"{kind}-blank"
        self.gleaner = Gleaner(binary, folder / kind)
        self.gleaner("init", self.gleaner.folder)
        camera = self.gleaner.folder / "camera"
        camera.mkdir()
        pictures, truth = make(self.gleaner)
        for name in truth:
            shutil.copy(pictures / name, camera / name)
        write_configuration(self.gleaner.folder, KEEP_ALL)
        self.gleaner("run", "--until-end")
        shutil.copytree(self.gleaner.folder, self.blank)
        self._label(truth, folder / f"{kind}.csv")
        self.truth = labels(self.gleaner)
        self.batches = {}
        for name in FORMATS[kind]:
            self.batches[name] = self.gleaner.export("training", name, folder / f"{kind}-{name}", "--all")
        self.frames = {sample["id"]: sample["sha256"] for sample in samples_of(self.batches["coco"])}
        assert len(self.frames) == len(truth) > 50

    def _label(self, truth, path):
        with open(path, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sample_id", "label"])
            for id, line in self.gleaner.samples(validated=False).items():
                writer.writerow([id, truth[line["sample"]["origin"]]])
        report = self.gleaner("label", "import", path, "--format", "csv")
        assert report["applied"] == len(truth), report

    def takes_back(self, label_format, paths, folder):
        """The labels of the twin after it has imported what a consumer wrote."""
        twin = Gleaner(self.gleaner.binary, folder)
        shutil.copytree(self.blank, folder)
        for path, options in paths:
            words = [word for key, value in options.items() for word in ("--format-option", f"{key}={value}")]
            report = twin("label", "import", path, "--format", label_format, *words)
            assert report["rejected"] == [] and report["unknown_classes"] == [], report
        return labels(twin)


def labels(gleaner):
    """Each labeled sample's class, or its boxes."""
    found = {}
    for id, line in gleaner.samples(validated=False).items():
        label = line["sample"].get("label")
        if label and label["kind"] == "class":
            found[id] = label["class"]
        elif label:
            boxes = [(box["label"], *(box["box"][key] for key in ("x", "y", "width", "height"))) for box in label["boxes"]]
            found[id] = sorted(boxes)
    return found


def difference(found, wanted):
    """How far boxes are from where they should be, in pixels; 0 for classes. Fails when anything else differs."""
    assert found.keys() == wanted.keys(), f"{len(found)} samples came back of {len(wanted)}"
    largest = 0.0
    for id, truth in wanted.items():
        if isinstance(truth, str):
            assert found[id] == truth, (id, found[id], truth)
            continue
        assert len(found[id]) == len(truth), (id, found[id], truth)
        left = list(found[id])
        for box in truth:
            # Rounding may change their order: the closest of those that are left.
            nearest = min(left, key=lambda other: max(abs(a - b) for a, b in zip(box[1:], other[1:])))
            assert nearest[0] == box[0], (id, nearest, box)
            largest = max(largest, *(abs(a - b) for a, b in zip(box[1:], nearest[1:])))
            left.remove(nearest)
    assert largest <= PIXELS_MAX, f"{largest} pixels off"
    return largest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="keeps what consumers wrote, and screenshots, here")
    parser.add_argument("consumers", nargs="+", metavar="CONSUMER=PYTHON")
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="gleaner-consumers-"))
    stations = [Station(kind, make, os.environ["GLEANER_BIN"], work) for kind, make in [("detection", orchard), ("classification", meters)]]
    rows = []
    try:
        for word in given.consumers:
            name, python = word.split("=", 1)
            for station in stations:
                rows += through(name, python, station, work)
                print(f"   {name}: {station.kind} done", file=sys.stderr, flush=True)
    finally:
        if given.out:
            shutil.copytree(work, given.out, dirs_exist_ok=True)
        shutil.rmtree(work)
    print(f"{'consumer':<14}{'task':<16}{'out':<14}{'back in':<14}{'frames':>8}{'labels':>8}  largest difference")
    for row in rows:
        print("{:<14}{:<16}{:<14}{:<14}{:>8}{:>8}  {:.4f} px".format(*row))


def through(name, python, station, work):
    """Lets one consumer read every batch of a station that it can, and takes back what it wrote."""
    script = HERE / f"with_{name.replace('-', '_')}.py"
    answers = work / f"{name}-{station.kind}"
    answers.mkdir()
    for out, batch in station.batches.items():
        folder = answers / out
        folder.mkdir()
        words = [python, script, station.kind, out, batch, folder]
        done = subprocess.run([str(each) for each in words], capture_output=True, text=True, check=False)
        if done.returncode == 77:  # it does not read this format
            continue
        assert done.returncode == 0, f"{name} on {out}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        answer = json.loads((folder / "answer.json").read_text())
        wrong = {id for id, sha256 in station.frames.items() if answer["frames"].get(id) != sha256}
        assert not wrong, f"{name} on {out}: {len(wrong)} of {len(station.frames)} frames are others, such as {sorted(wrong)[:2]}"
        for back, paths in answer["back"].items():
            found = station.takes_back(back, [(folder / path, options) for path, options in paths], work / f"twin-{name}-{station.kind}-{out}-{back}")
            try:
                wanted = {id: truth for id, truth in station.truth.items() if truth or not answer["loses_empty"]}
                largest = difference(found, wanted)
            except AssertionError as error:
                raise AssertionError(f"{name}, {out} → {back}: {error}") from error
            yield name, station.kind, out, back, len(answer["frames"]), len(found), largest


if __name__ == "__main__":
    main()
