"""Video as an unattended camera gives it, with every box known: digits cross a cluttered place, slowly, in front of each
other, in and out of the frame, while the light changes. After a while the camera looks elsewhere.

The model has seen single pictures by good light only. Everything random comes from the seed.
"""

import numpy as np

import streams

SIDE = 128
THINGS_MAX = 2
SIZES = (22, 32)
PIXELS_A_FRAME = (0.4, 2.0)
PLACE_FRAMES = (100, 300)
SEED_FRAMES = 1500
CLUTTER = 3
SEED_LIGHTS, FIELD_LIGHTS = (0.6, 1), (0.45, 0.9)
VISIBLE_MIN = 0.5
# Of a thing's own brightness, 0..1: from here on it is part of the thing.
OUTLINE = 0.3


class Thing:
    """Something on its way through the frame."""

    def __init__(self, image, kind, random):
        from scipy import ndimage

        grown = ndimage.zoom(image, random.uniform(*SIZES) / len(image), order=1)
        self.kind, self.picture = kind, np.pad(np.clip(grown, 0, 1), 1)
        self.tone = random.uniform(0.7, 1)
        rows, columns = (np.where((self.picture > OUTLINE).any(axis))[0] for axis in (1, 0))
        self.extent = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)
        # It comes in over one side and crosses, more or less straight.
        speed = np.exp(random.uniform(*np.log(PIXELS_A_FRAME)))
        size = self.picture.shape[0]
        along, across = (-size if (forward := random.random() < 0.5) else SIDE), random.uniform(0, SIDE - size)
        step = speed if forward else -speed, speed * random.uniform(-0.4, 0.4)
        turn = slice(None, None, 1 if random.random() < 0.7 else -1)
        self.place, self.step = np.array([along, across][turn], float), np.array(step[turn])

    def move(self, random):
        self.place += self.step + 0.2 * random.standard_normal(2)

    @property
    def box(self):
        return self.extent + np.tile(self.place, 2)

    @property
    def is_gone(self):
        near, far = self.box[:2], self.box[2:]
        return bool(((far <= 0) & (self.step < 0) | (near >= SIDE) & (self.step > 0)).any())

    def cover(self):
        """How much of each pixel of the frame it covers, 0..1."""
        corner = np.floor(self.place).astype(int)
        picture = streams.moved(self.picture, *(self.place - corner))
        cover = np.zeros((SIDE, SIDE), "f4")
        low, high = np.maximum(corner, 0), np.minimum(corner + picture.shape[::-1], SIDE)
        if (low < high).all():
            (left, top), (right, bottom) = low - corner, high - corner
            cover[low[1] : high[1], low[0] : high[0]] = picture[top:bottom, left:right]
        return cover


def place(clutter, random):
    """What the camera looks at: patches of light and dark, and strokes that might be parts of things."""
    from scipy import ndimage

    def patches(width):
        noise = ndimage.gaussian_filter(random.standard_normal((SIDE, SIDE)), width, mode="wrap")
        return noise / noise.std()

    picture = 0.25 + 0.06 * patches(16) + 0.04 * patches(4)
    strokes = np.zeros((SIDE, SIDE))
    for _ in range(random.poisson(clutter)):
        at, angle, bend = random.uniform(0, SIDE, 2), random.uniform(0, 2 * np.pi), random.uniform(-0.25, 0.25)
        for _ in range(random.integers(8, 24)):
            at, angle = at + (np.cos(angle), np.sin(angle)), angle + bend
            strokes[tuple(np.clip(at, 0, SIDE - 1).astype(int))] = random.uniform(0.3, 1)
    return np.clip(picture + 1.2 * ndimage.gaussian_filter(strokes, 0.9), 0, 1)


def frame(background, things, light, random):
    """One frame, and its boxes: rows of left, top, right, bottom, class and whether it is visible enough to count."""
    picture, boxes, covers = background, [], []
    for thing in things:
        covers.append(thing.cover())
        picture = picture * (1 - covers[-1]) + covers[-1] * thing.tone
    free = np.ones((SIDE, SIDE), bool)
    for thing, cover in zip(reversed(things), reversed(covers)):
        outline = cover > OUTLINE
        box = np.clip(thing.box, 0, SIDE)
        if (outline & free).any() and (box[2:] - box[:2] >= 2).all():
            share = (outline & free).sum() / (thing.picture > OUTLINE).sum()
            boxes.append([*box, thing.kind, share >= VISIBLE_MIN])
        free &= ~outline
    picture = light * picture + 0.02 * random.standard_normal(picture.shape)
    return streams.to_bytes(picture), np.array(boxes, float).reshape(-1, 6)


class Camera:
    """Makes pictures and video of digits."""

    def __init__(self, images, classes, clutter, random):
        self.images, self.classes, self.clutter, self.random = images, classes, clutter, random

    def thing(self):
        item = self.random.integers(len(self.classes))
        return Thing(self.images[item], self.classes[item], self.random)

    def watch(self, frame_count, lights):
        """A video; `lights` are the darkest and the brightest."""
        random, found, things, left = self.random, [], [], 0
        pace, phase = random.uniform(300, 600), random.uniform(0, 2 * np.pi)
        for number in range(frame_count):
            if not left:
                background, left = place(self.clutter, random), random.integers(*PLACE_FRAMES)
                things = self.scattered()
            left -= 1
            if len(things) < THINGS_MAX and random.random() < 0.03:
                things.append(self.thing())
            for thing in things:
                thing.move(random)
            things = [each for each in things if not each.is_gone]
            light = lights[0] + (lights[1] - lights[0]) * (0.5 + 0.5 * np.sin(phase + number / pace * 2 * np.pi))
            found.append(frame(background, things, light, random))
        return stacked(found)

    def scattered(self):
        """Things that are on their way already."""
        things = [self.thing() for _ in range(self.random.integers(0, THINGS_MAX + 1))]
        for thing in things:
            thing.place = self.random.uniform(0, SIDE - thing.picture.shape[0], 2)
        return things

    def photographs(self, count, lights):
        """Single frames of many places."""
        return stacked([
            frame(place(self.clutter, self.random), self.scattered(), self.random.uniform(*lights), self.random)
            for _ in range(count)])


def stacked(found):
    boxes = np.empty(len(found), object)
    boxes[:] = [each for _, each in found]
    return np.stack([picture for picture, _ in found]), boxes


def composed(seed, frame_count):
    """Pictures to train on and a video of the field, each with its boxes."""
    images, classes, _, _ = streams.load_digits()
    random = np.random.default_rng([6000, seed])
    camera = Camera(images, classes, CLUTTER, random)
    return camera.photographs(SEED_FRAMES, SEED_LIGHTS), camera.watch(frame_count, FIELD_LIGHTS)
