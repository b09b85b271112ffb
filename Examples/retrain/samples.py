"""Reading training batches: folders that `gleaner export --for training` made."""

import hashlib
import json
import os

import numpy as np

import pictures


class BatchError(Exception):
    """A batch cannot be trained on; the message says which one and why."""


class Samples:
    """Frames as the model's input (N x height x width x channels), their class names, splits and picture files."""

    def __init__(self, frames, classes, splits, paths):
        self.frames = frames
        self.classes = classes
        self.splits = splits
        self.paths = paths

    def __len__(self):
        return len(self.classes)

    def part(self, split):
        """Only the samples of one split."""
        chosen = [at for at, each in enumerate(self.splits) if each == split]
        return Samples(self.frames[chosen], *([each[at] for at in chosen] for each in (self.classes, self.splits, self.paths)))

    def joined(self, other):
        """These samples and then the others."""
        if not len(other):
            return self
        frames = np.concatenate([self.frames, other.frames])
        return Samples(
            frames, self.classes + other.classes, self.splits + other.splits, self.paths + other.paths)


def read_batches(folders, spec):
    """The labeled samples of all folders, and the ids of the batches.

    A sample that is in several batches counts once, with the label of the last. Samples marked unusable, and those
    without a label, are left out. `spec` is the `input` of the model's manifest.
    """
    lines, batches = {}, []
    for folder in folders:
        batches += [identity] if (identity := _batch_id(folder)) else []
        for line in _lines(folder):
            label = line.get("label") or {}
            if label.get("kind") == "class":
                lines[line["id"]] = (folder, line, label["class"])
            elif label.get("kind") == "boxes":
                raise BatchError(f"{folder} has boxes as labels: this trainer makes classifiers")
    frames = [_frame(folder, line, spec) for folder, line, _ in lines.values()]
    channels = 1 if spec.get("color") == "GRAY" else 3
    shape = (0, spec["height"], spec["width"], channels)
    classes = [label for _, _, label in lines.values()]
    splits = [line["split"] for _, line, _ in lines.values()]
    paths = [os.path.join(folder, line["file"]) for folder, line, _ in lines.values()]
    return Samples(np.stack(frames) if frames else np.zeros(shape, "f4"), classes, splits, paths), batches


def _batch_id(folder):
    """The id of a sealed batch is the digest of its manifest; a folder made by hand has none."""
    path = os.path.join(folder, "manifest.json")
    if not os.path.exists(path):
        return None
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _lines(folder):
    path = os.path.join(folder, "samples.jsonl")
    try:
        with open(path, encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                try:
                    line = json.loads(text)
                    line["id"], line["file"], line["split"]  # what the trainer cannot do without
                    yield line
                except (ValueError, TypeError, KeyError) as error:
                    raise BatchError(f"{path}, line {number} is no sample: {error}") from error
    except OSError as error:
        raise BatchError(f"{folder} is no batch: {error}. Give a folder made by `gleaner export`") from error


def _frame(folder, line, spec):
    path = os.path.join(folder, line["file"])
    try:
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        raise BatchError(f"the picture of sample {line['id']} is missing: {error}") from error
    if digest != line.get("sha256", digest):
        raise BatchError(f"{path} is not the picture that was exported: copy the batch again")
    return pictures.model_input(pictures.read_rgb(path), spec)
