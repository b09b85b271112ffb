#!/usr/bin/env python3
"""Train a small classifier, or train one on, and pack it for `gleaner model import`.

It needs NumPy and onnx alone, and a few hundred frames take seconds on one core. Use it as it is for small cameras
looking at one thing, or as a pattern for the framework you train with: what matters is which samples it reads, how
it treats their splits, and what it writes.

  On from the deployed model, with the labels that came back, without forgetting what it knew:
    retrain.py --base models/first --base-set lab exports/batch-0123456789ab --to second.bundle

  From nothing, for frames of 28x28 grey pixels:
    retrain.py exports/batch-* --to first.bundle --name digits --size 28x28 --color GRAY

Samples of the split `test` are never trained on. Those of `val` (a tenth of the others, if there are none) decide
when to stop. Classes that the base model does not know are added after its own.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy: its threads only get into each other's way here

import argparse
import json
import sys
import tempfile

import numpy as np

import pack_model
import pictures
import samples
from network import Network, NetworkError

BATCH_SIZE = 64


class Training:
    """Adam (Kingma and Ba 2015) with a cosine schedule, light augmentation and early stopping."""

    def __init__(self, network, classes, *, epochs, rate, patience, shift, gain, random, say=print):
        self.network = network
        self.index = {name: at for at, name in enumerate(classes)}
        self.epochs = epochs
        self.rate = rate
        self.patience = patience
        self.shift = shift
        self.gain = gain
        self.random = random
        self.say = say
        self.mean = {name: np.zeros_like(weight) for name, weight in network.weights.items()}
        self.square = {name: np.zeros_like(weight) for name, weight in network.weights.items()}
        self.steps = 0

    def run(self, train, val):
        """Trains on `train`; afterwards the network has the weights that did best on `val`.

        Only epochs of the schedule's second half count: before, the rate is so high that a good epoch is luck, and a
        validation part of a few samples falls for it.
        """
        best, best_weights, best_epoch = np.inf, None, 0
        truth, val_truth = self._indices(train), self._indices(val)
        steps_max = self.epochs * -(-len(train) // BATCH_SIZE)
        for epoch in range(1, self.epochs + 1):
            order = self.random.permutation(len(train))
            for at in range(0, len(order), BATCH_SIZE):
                chosen = order[at : at + BATCH_SIZE]
                self._step(self._augmented(train.frames[chosen]), truth[chosen], steps_max)
            loss = self.network.loss(val.frames, val_truth)
            if loss < best and 2 * epoch >= self.epochs:
                best, best_epoch = loss, epoch
                best_weights = {name: weight.copy() for name, weight in self.network.weights.items()}
            if best_weights and epoch - best_epoch >= self.patience:
                break
        self.network.weights = best_weights
        right = (self.network.probabilities(val.frames).argmax(axis=1) == val_truth).mean()
        self.say(f"best after {best_epoch} of {epoch} epochs: {right:.1%} of {len(val)} validation samples right")

    def _indices(self, part):
        return np.array([self.index[name] for name in part.classes], int)

    def _step(self, frames, truth, steps_max):
        self.steps += 1
        rate = self.rate * 0.5 * (1 + np.cos(np.pi * self.steps / (steps_max + 1)))
        for name, slope in self.network.gradients(frames, truth).items():
            mean, square = self.mean[name], self.square[name]
            mean += 0.1 * (slope - mean)
            square += 0.001 * (slope * slope - square)
            step = (mean / (1 - 0.9**self.steps)) / (np.sqrt(square / (1 - 0.999**self.steps)) + 1e-8)
            self.network.weights[name] -= (rate * step).astype("f4")

    def _augmented(self, frames):
        """Each frame moved by a few whole pixels (its border repeated) and made a little lighter or darker."""
        count, height, width, _ = frames.shape
        reach = self.shift
        padded = np.pad(frames, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
        down, across = self.random.integers(0, 2 * reach + 1, (2, count))
        rows = down[:, None] + np.arange(height)
        columns = across[:, None] + np.arange(width)
        moved = padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
        return moved * self.random.uniform(1 - self.gain, 1 + self.gain, (count, 1, 1, 1)).astype("f4")


def read_base(path):
    """The manifest and the network of a bundle folder."""
    try:
        with open(os.path.join(path, "model.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        if manifest["task"] != "classification":
            raise NetworkError(f"{path} is a model for {manifest['task']}: this trainer makes classifiers")
        return manifest, Network.from_onnx(os.path.join(path, manifest["file"]))
    except (OSError, ValueError, KeyError) as error:
        raise NetworkError(f"{path} is no bundle folder: {error}") from error


def fresh_manifest(given):
    """What a model trained from nothing says of its input and its outputs."""
    if not given.name or not given.size:
        raise NetworkError("without --base, --name and --size are needed")
    spec = {"width": given.size[0], "height": given.size[1], "layout": "NCHW", "type": "float32", "color": given.color}
    # About zero on average and one in spread, which is what random weights want.
    spec |= {"scale": 1 / 255, "mean": [0.5], "std": [0.25], "fit": "stretch", "filter": "bilinear"}
    return {"name": given.name, "version": 0, "labels": [], "input": spec, "decoder": {"name": given.decoder}}


def divide(data, random):
    """What to train on and what to stop by."""
    train, val = data.part("train"), data.part("val")
    if len(val) or len(train) < 2:
        return train, val
    order = random.permutation(len(train))
    held = set(order[: max(1, len(train) // 10)].tolist())
    train.splits = ["val" if at in held else "train" for at in range(len(train))]
    return train.part("train"), train.part("val")


def balanced(new, known):
    """Both together, the new ones repeated until they weigh about as much as the known ones."""
    joined = new
    for _ in range(min(round(len(known) / max(1, len(new))), 10) - 1):
        joined = joined.joined(new)
    return joined.joined(known)


def retrain(given):
    """Does what the arguments say; returns the manifest that was written."""
    random = np.random.default_rng(given.seed)
    if given.base:
        manifest, network = read_base(given.base)
    else:
        manifest, network = fresh_manifest(given), None
    spec = manifest["input"]
    data, batches = samples.read_batches(given.batches, spec)
    train, val = divide(data, random)
    say = print if not given.quiet else lambda text: None
    say(f"seed {given.seed}; {len(train)} samples to train on, {len(val)} to stop by, {len(data.part('test'))} untouched")
    if given.base_set:
        known, known_batches = samples.read_batches(given.base_set, spec)
        known_train, known_val = divide(known, random)
        batches += known_batches
        say(f"with {len(known)} samples that the base model was trained on")
        train, val = balanced(train, known_train), val.joined(known_val)
    if not len(train) or not len(val):
        raise samples.BatchError("there are too few labeled samples to train on: label some and export again")
    labels = manifest["labels"] + sorted(set(train.classes + val.classes) - set(manifest["labels"]))
    if network is None:
        channels = 1 if spec["color"] == "GRAY" else 3
        network = Network.fresh(len(labels), spec["height"], spec["width"], channels, random)
    elif new := labels[len(manifest["labels"]) :]:
        say(f"new classes: {', '.join(new)}")
        network.add_classes(len(new), random)
    rate = given.rate or (0.001 if given.base else 0.003)
    Training(
        network, labels, epochs=given.epochs, rate=rate, patience=given.patience, shift=given.shift, gain=given.gain,
        random=random, say=say,
    ).run(train, val)
    return write(given, manifest, network, labels, batches, val)


def write(given, base, network, labels, batches, val):
    """Packs the network; it says that it was trained on these batches and on those of its base."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        network.to_onnx(path)
        with open(path, "rb") as file:
            model = file.read()
    spec = dict(base["input"])
    spec["input_name"] = "frames"
    spec.pop("name", None)
    decoder = dict(base["decoder"])
    manifest = pack_model.manifest_for(
        model,
        name=base["name"],
        version=given.version or base["version"] + 1,
        task="classification",
        labels=labels,
        decoder=decoder.pop("name"),
        decoder_options=decoder,
        trained_on=(base.get("trained_on") or []) + batches,
        embedding=base.get("embedding"),
        origin=given.origin or base.get("origin"),
        **spec,
    )
    with tempfile.TemporaryDirectory() as folder:
        if given.golden:
            pack_model.write_golden(folder, answers(network, labels, val, given.golden))
        pack_model.write_bundle(given.to, manifest, model, golden=folder)
    return manifest


def answers(network, labels, data, count):
    """Picture files and what the network says of them, as a device has to say it too."""
    chosen = slice(0, count)
    for path, scores in zip(data.paths[chosen], network.probabilities(data.frames[chosen])):
        classes = [{"label": label, "score": float(score)} for label, score in zip(labels, scores)]
        yield path, {"task": "classification", "classes": sorted(classes, key=lambda each: -each["score"])}


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("batches", nargs="+", metavar="BATCH", help="folders made by `gleaner export --for training`")
    parser.add_argument("--to", required=True, metavar="PATH", help="the bundle: a new folder, or a file ending in .tar")
    parser.add_argument("--base", metavar="BUNDLE", help="the bundle folder of the model to go on from")
    parser.add_argument("--base-set", action="append", metavar="FOLDER", help="what the base model was trained on")
    parser.add_argument("--version", type=int, help="of the new model (default: one more than the base's)")
    parser.add_argument("--origin", help="where the model comes from, in words")
    parser.add_argument("--name", help="of a model trained from nothing")
    parser.add_argument("--size", type=pack_model.parse_size, metavar="WxH", help="its input, in multiples of 4")
    parser.add_argument("--color", default="RGB", choices=pack_model.COLORS)
    parser.add_argument("--decoder", default="classification", help="its decoder (default: classification)")
    parser.add_argument("--epochs", type=int, default=14, help="at most so many (default: 14)")
    parser.add_argument("--patience", type=int, default=5, help="stop after so many without getting better (default: 5)")
    parser.add_argument("--rate", type=float, help="of learning (default: 0.003 from nothing, 0.001 from a base)")
    parser.add_argument("--shift", type=int, default=2, help="augmentation: move by up to so many pixels (default: 2)")
    parser.add_argument("--gain", type=float, default=0.1, help="augmentation: change the contrast by so much (default: 0.1)")
    parser.add_argument(
        "--golden", type=int, default=0, metavar="COUNT",
        help="carry so many pictures along, with what the model says of them: a device on which it says something else "
        "refuses it (default: 0, since whoever has the bundle has the pictures)")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default: 1)")
    parser.add_argument("--quiet", action="store_true", help="say nothing but the result")
    return parser.parse_args(arguments)


def main():
    given = parse_arguments()
    try:
        manifest = retrain(given)
    except (NetworkError, samples.BatchError, pictures.PictureError, pack_model.PackError) as error:
        sys.exit(f"retrain.py: {error}")
    print(f"{given.to}: {manifest['name']} version {manifest['version']}, classes {' '.join(manifest['labels'])}")


if __name__ == "__main__":
    main()
