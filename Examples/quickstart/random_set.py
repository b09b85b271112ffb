#!/usr/bin/env python3
"""The yardstick: label as many frames, but frames drawn at random.

Writes a training set of frames drawn from everything that the camera gave, in the form that `retrain.py` reads. It
is divided as Gleaner divides its samples: a fifth to test with, and of the rest a tenth to stop by.

  random_set.py camera --truth truth.csv --count 120 --seed 1 --to random-1
"""

import argparse
import hashlib
import json
import os
import random

from answer import BLANK, read_truth


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", help="the camera's folder")
    parser.add_argument("--truth", required=True, help="the camera's table of what each frame shows")
    parser.add_argument("--count", type=int, required=True, metavar="N", help="how many frames are labeled")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--to", required=True, metavar="FOLDER")
    given = parser.parse_args()
    truth = read_truth(given.truth)
    chosen = random.Random(given.seed).sample(sorted(truth), given.count)
    os.makedirs(given.to)
    with open(os.path.join(given.to, "samples.jsonl"), "w", encoding="utf-8") as lines:
        for name in chosen:
            label = {"kind": "unusable"} if truth[name] == BLANK else {"kind": "class", "class": truth[name]}
            chance = hashlib.sha256(name.encode()).digest()[0] / 256
            split = "test" if chance < 0.2 else "val" if chance < 0.28 else "train"
            file = os.path.relpath(os.path.join(given.frames, name), given.to)
            lines.write(json.dumps({"id": name, "file": file, "split": split, "label": label}) + "\n")
    print(f"{given.to}: {len(chosen)} frames drawn at random")


if __name__ == "__main__":
    main()
