"""What all verifications share: the gleaner command, the converters, and how two answers are compared."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]
DATA = ROOT.parent / "shared" / "data"
MODELS = DATA / "models"
OTHERS = MODELS / "other-frameworks"
PICTURES = MODELS / "pictures"


@dataclass
class Row:
    """One line of the table: how far two answers are apart at most, and how far they may be."""

    what: str
    difference: float
    limit: float
    note: str = ""

    @property
    def is_good(self):
        # Written so that not-a-number fails.
        return self.difference <= self.limit


def convert(script, *words):
    """Runs a converter of this folder, as a person would."""
    command = [sys.executable, str(HERE / script), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{script} ended with {done.returncode}: {(done.stdout + done.stderr)[-1500:]}"
    return done.stdout


def onnx_of(bundle):
    """The bytes of a bundle's model."""
    if Path(bundle).is_dir():
        return (Path(bundle) / "model.onnx").read_bytes()
    with tarfile.open(bundle) as tar:
        return tar.extractfile("model.onnx").read()


def run_onnx(model, values):
    """The outputs of an ONNX model (its bytes) for one input, by name."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: values})))


class Gleaner:
    """The gleaner command on a deployment of its own, which looks at every picture."""

    def __init__(self):
        self.binary = os.environ.get("GLEANER_BIN") or shutil.which("gleaner")
        if not self.binary:
            raise SystemExit("check.py: set GLEANER_BIN to the gleaner command, such as .build/release/gleaner")

    def predictions(self, model, pictures, *words):
        """Imports a model and runs it: the prediction of each picture, in the pictures' order."""
        with tempfile.TemporaryDirectory(prefix="gleaner-models-") as folder:
            place = Path(folder)
            self._run("init", place / "station")
            self._run("model", "import", model, *words, "-C", place / "station")
            names = [f"{number:04}-{Path(picture).name}" for number, picture in enumerate(pictures)]
            (place / "station" / "camera").mkdir(exist_ok=True)
            for picture, name in zip(pictures, names):
                shutil.copyfile(picture, place / "station" / "camera" / name)
            settings = "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\n"
            (place / "station" / "gleaner.yaml").write_text(settings)
            self._run("run", "--until-end", "-C", place / "station")
            export = ["export", "--for", "labeling", "--format", "csv", "--to", place / "out"]
            said = self._run(*export, "-C", place / "station")
            (batch,) = json.loads(said)["batches"]
            lines = (Path(batch["folder"]) / "samples.jsonl").read_text().splitlines()
            found = {sample["origin"]: sample["prediction"] for sample in map(json.loads, lines)}
            return [found[name] for name in names]

    def _run(self, *words):
        command = [self.binary, *map(str, words), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}\n{done.stderr[-4000:]}"
        return done.stdout


def claimed(prediction, score_min=None):
    """The boxes that a prediction claims, as (label, score, (x0, y0, x1, y1))."""
    floor = prediction["score_min"] if score_min is None else score_min
    boxes = []
    for each in prediction["boxes"]:
        if each["score"] >= floor:
            box = each["box"]
            corners = (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])
            boxes.append((each["label"], each["score"], corners))
    return boxes


def described(name):
    """What the shared data says of a model."""
    return json.loads((MODELS / name / "model.json").read_text())


def expected_boxes(each):
    return [(box["label"], box["score"], tuple(box["box_xyxy"])) for box in each["detections"]]


def overlap(first, second):
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return width * height / (sum(areas) - width * height)


def compare_boxes(ours, theirs, is_all=True):
    """The largest differences of scores and of corners in pixels; every box of theirs must have one of ours."""
    assert not is_all or len(ours) == len(theirs), f"{len(ours)} boxes, and {len(theirs)} are expected"
    left, scores, corners = list(ours), [0.0], [0.0]
    for label, score, box in theirs:
        same = [each for each in left if each[0] == label]
        assert same, f"no '{label}' like {score:.4f} {box} among {left}"
        best = max(same, key=lambda each: overlap(each[2], box))
        left.remove(best)
        scores.append(abs(best[1] - score))
        corners.append(max(abs(a - b) for a, b in zip(best[2], box)))
    return max(scores), max(corners)


def box_rows(what, pairs, score_limit=0.02, corner_limit=2.0, is_all=True):
    """The rows for pairs of (ours, theirs), one a picture."""
    differences = [compare_boxes(ours, theirs, is_all) for ours, theirs in pairs]
    count = sum(len(theirs) for _, theirs in pairs)
    note = f"{count} boxes in {len(pairs)} picture{'s' if len(pairs) > 1 else ''}"
    assert count >= len(pairs), f"{what}: there is no box to compare"
    return [
        Row(f"{what}: scores", max(each[0] for each in differences), score_limit, note),
        Row(f"{what}: corners (px)", max(each[1] for each in differences), corner_limit, note),
    ]


def class_row(what, predictions, expected, labels, limit=0.001):
    """The row for classifiers: `expected` has the probabilities of each picture, in the labels' order."""
    largest = 0.0
    for prediction, theirs in zip(predictions, expected):
        wanted = dict(zip(labels, map(float, theirs)))
        ours = [(each["label"], each["score"]) for each in prediction["classes"]]
        largest = max([largest] + [abs(probability - wanted[label]) for label, probability in ours])
        best = max(wanted.values())
        assert wanted[ours[0][0]] >= best - limit, (
            f"{what}: {ours[0]} comes first, and {best:.4f} is expected of another"
        )
    return Row(what, largest, limit, f"{len(expected)} pictures")
