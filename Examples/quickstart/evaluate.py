#!/usr/bin/env python3
"""Score model bundles on the held-out frames, with ONNX Runtime's own Python package.

  evaluate.py first second.bundle --frames heldout --truth heldout.csv
  evaluate.py second.bundle --frames heldout --truth heldout.csv --json
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy: its threads only get into each other's way here

import argparse
import json
import sys

import numpy as np
import onnxruntime

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "retrain"))
import pictures
from answer import BLANK, read_truth

NEW_LANES = ("7", "9")


def predictions(bundle, paths):
    """The most probable class for each picture."""
    with open(os.path.join(bundle, "model.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        os.path.join(bundle, manifest["file"]), options, providers=["CPUExecutionProvider"]
    )
    spec = manifest["input"]
    frames = np.stack([pictures.model_input(pictures.read_rgb(path), spec) for path in paths])
    if spec["layout"] == "NCHW":
        frames = frames.transpose(0, 3, 1, 2)
    (scores,) = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(frames, "f4")})
    return [manifest["labels"][at] for at in scores.argmax(axis=1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE", help="bundle folders of classifiers")
    parser.add_argument("--frames", required=True, help="the held-out frames' folder")
    parser.add_argument("--truth", required=True, help="what they show")
    parser.add_argument("--json", action="store_true", help="print {bundle: {all, new}} for scripts")
    given = parser.parse_args()
    truth = {name: shown for name, shown in read_truth(given.truth).items() if shown != BLANK}
    paths = [os.path.join(given.frames, name) for name in truth]
    shown = np.array(list(truth.values()))
    scores = {}
    for bundle in given.bundles:
        right = np.array(predictions(bundle, paths)) == shown
        scores[bundle] = {"all": float(right.mean()), "new": float(right[np.isin(shown, NEW_LANES)].mean())}
    if given.json:
        return print(json.dumps(scores))
    for bundle, score in scores.items():
        print(f"{bundle}: {score['all']:.1%} of {len(paths)} held-out frames right, {score['new']:.1%} of the new lanes")


if __name__ == "__main__":
    main()
