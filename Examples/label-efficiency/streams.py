"""Streams of frames as an unattended camera gives them: runs of near-identical frames, few of many classes, classes
and light that the first model has not seen.

    digits-A, fashion-A   a fifth of the things that pass were seen before (a line)
    digits-C, fashion-C   seven tenths were (a static camera)
    meter                 real photographs of meter digits, shuffled, no two of one moment

Everything random comes from the seed.
"""

import csv
import functools
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FASHION = Path("/usr/share/datasets/fashion-mnist")
RECURRING = {"A": 0.2, "C": 0.7}
ROTATION_DEGREES = 15
LIGHT = 0.8
TRACK_FRAMES = (5, 20)
SEED_FRAMES = 300
REGULARS_MAX = 15


@dataclass
class Round:
    """What passes the camera between two retrainings: frames (count x height x width [x 3], 0..255), the truth, and
    the number of the thing that a frame shows."""

    frames: np.ndarray
    classes: np.ndarray
    things: np.ndarray


@dataclass
class Stream:
    name: str
    class_count: int
    seed_frames: np.ndarray
    seed_classes: np.ndarray
    rounds: list
    # Frames to measure on, by name, each with its truth.
    tests: dict


@functools.lru_cache
def load_digits():
    from sklearn.datasets import load_digits as load

    data = load()
    order = np.random.default_rng(0).permutation(len(data.target))
    images, classes = (data.images[order] / 16).astype("f4"), data.target[order]
    return images[:1200], classes[:1200], images[1200:], classes[1200:]


@functools.lru_cache
def load_fashion():
    def read(name, skip):
        return np.frombuffer(gzip.open(FASHION / name).read(), np.uint8, offset=skip)

    def images(name):
        # 14 x 14: half the size, so that training takes no time.
        return (read(name, 16).reshape(-1, 14, 2, 14, 2).mean((2, 4)) / 255).astype("f4")

    return (
        images("train-images-idx3-ubyte.gz"), read("train-labels-idx1-ubyte.gz", 8).astype(int),
        images("t10k-images-idx3-ubyte.gz"), read("t10k-labels-idx1-ubyte.gz", 8).astype(int),
    )


def to_bytes(images):
    return np.clip(np.rint(images * 255), 0, 255).astype(np.uint8)


def turned(images):
    """The camera was moved and the light went down."""
    from scipy import ndimage

    rotated = [ndimage.rotate(image, ROTATION_DEGREES, reshape=False, order=1) for image in images]
    return np.clip(LIGHT * np.stack(rotated) + 0.1, 0, 1).astype("f4")


def moved(image, across, down):
    """Moved by parts of a pixel."""
    for axis, part in ((1, across), (0, down)):
        step = int(np.sign(part))
        if step:
            image = (1 - abs(part)) * image + abs(part) * np.roll(image, step, axis)
    return image


def seen(image, random, place):
    """What one frame differs from the next by: a little motion, gain and noise."""
    frame = moved(image, *place) * (1 + 0.05 * random.standard_normal()) + 0.02 * random.standard_normal(image.shape)
    return np.clip(frame, 0, 1)


class Composer:
    """Puts a stream together from images with their classes."""

    def __init__(self, images, classes, recurring, random):
        self.images, self.classes, self.recurring, self.random = images, classes, recurring, random
        count = classes.max() + 1
        self.novel = set(random.permutation(count)[-2:].tolist())
        prior = 1 / np.arange(1, count + 1)
        self.prior = prior[random.permutation(count)]
        self.by_class = [list(random.permutation(np.where(classes == each)[0])) for each in range(count)]
        self.taken = [0] * count
        self.regulars = {False: [], True: []}
        self.thing = 0

    def take(self, known_only):
        names = np.array([each for each in range(len(self.prior)) if not (known_only and each in self.novel)])
        weights = self.prior[names]
        chosen = names[self.random.choice(len(names), p=weights / weights.sum())]
        stock = self.by_class[chosen]
        self.taken[chosen] += 1
        return stock[(self.taken[chosen] - 1) % len(stock)]

    def seed(self):
        items = [self.take(known_only=True) for _ in range(SEED_FRAMES)]
        frames = [seen(self.images[item], self.random, self.random.uniform(-0.4, 0.4, 2)) for item in items]
        return to_bytes(np.stack(frames)), self.classes[items]

    def round(self, frame_count, known_only, drifted):
        frames, classes, things = [], [], []
        while len(frames) < frame_count:
            item = self.next_item(known_only, drifted)
            image = turned(self.images[item][None])[0] if drifted else self.images[item]
            place = self.random.uniform(-0.3, 0.3, 2)
            for _ in range(self.random.integers(TRACK_FRAMES[0], TRACK_FRAMES[1] + 1)):
                place = np.clip(place + self.random.uniform(-0.08, 0.08, 2), -0.6, 0.6)
                frames.append(seen(image, self.random, place))
                classes.append(self.classes[item])
                things.append(self.thing)
            self.thing += 1
        return Round(to_bytes(np.stack(frames[:frame_count])), np.array(classes[:frame_count]), np.array(things[:frame_count]))

    def next_item(self, known_only, drifted):
        regulars = self.regulars[drifted]
        if regulars and self.random.random() < self.recurring:
            return regulars[self.random.integers(len(regulars))]
        item = self.take(known_only)
        if len(regulars) < REGULARS_MAX:
            regulars.append(item)
        return item


@functools.lru_cache(maxsize=4)
def composed(name, seed, round_count=8, frames_per_round=2000):
    kind, setting = name.split("-")
    images, classes, test_images, test_classes = load_digits() if kind == "digits" else load_fashion()
    random = np.random.default_rng([1000, seed])
    composer = Composer(images, classes, RECURRING[setting], random)
    seed_frames, seed_classes = composer.seed()
    rounds = [
        composer.round(frames_per_round, known_only=number < 2, drifted=number >= round_count // 2)
        for number in range(round_count)
    ]
    # As many of each class, as the camera sees them at the end.
    items = np.concatenate([random.permutation(np.where(test_classes == each)[0])[:60] for each in range(10)])
    frames = [seen(image, random, random.uniform(-0.3, 0.3, 2)) for image in turned(test_images[items])]
    tests = {"end": (to_bytes(np.stack(frames)), test_classes[items])}
    return Stream(name, 10, seed_frames, seed_classes, rounds, tests)


@functools.lru_cache
def read_meter(folder, split):
    """The pictures of a split, scaled to 20 x 32 as their models want them, and their classes."""
    from PIL import Image

    with open(folder / "labels.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    pictures = [Image.open(folder / row["file"]).convert("RGB").resize((20, 32), Image.BILINEAR) for row in rows]
    return np.stack([np.asarray(picture) for picture in pictures]), np.array([int(row["label"]) for row in rows])


def meter(folder, seed, round_count=2):
    """Real pictures, in an order of the seed's."""
    read = functools.partial(read_meter, folder)
    frames, classes = read("field")
    order = np.random.default_rng([2000, seed]).permutation(len(frames))
    parts = np.array_split(order, round_count)
    rounds = [Round(frames[part], classes[part], part) for part in parts]
    return Stream("meter", 10, *read("train"), rounds, {name: read(name) for name in ("test_field", "test_unseen")})
