"""A detector that trains in seconds: fixed filters over windows of the frame and a small head on each cell of a grid,
written as ONNX with the outputs of FastestDet."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

STRIDE, WINDOW = 8, 32
FEATURES, HIDDEN, STEPS = 128, 256, 5000
SCORE_MIN, SCORE_FLOOR, OVERLAP_MAX, BOXES_MAX = 0.65, 0.05, 0.45, 300


class Detector:
    """The filters are principal components of windows of unlabeled frames, each less its mean."""

    def __init__(self, frames, class_count):
        self.side, self.class_count = frames.shape[1], class_count
        self.cells = self.side // STRIDE
        windows = self._windows(frames[:60]).reshape(-1, WINDOW * WINDOW)
        windows = windows - windows.mean(1, keepdims=True)
        values, directions = np.linalg.eigh(windows.T @ windows / len(windows))
        self.filters = (directions[:, ::-1][:, :FEATURES] / np.sqrt(values[::-1][:FEATURES] + 1e-4)).astype("f4")
        # A filter that ignores the mean of its window needs no window without one.
        self.filters -= self.filters.mean(0)

    def _windows(self, frames):
        edge = (WINDOW - STRIDE) // 2
        padded = np.pad(frames.astype("f4") / 255, ((0, 0), (edge, edge), (edge, edge)))
        view = np.lib.stride_tricks.sliding_window_view(padded, (WINDOW, WINDOW), (1, 2))
        return view[:, ::STRIDE, ::STRIDE]

    def features(self, frames):
        """A row for each cell of each frame, in parts that fit the memory."""
        parts = [self._windows(frames[at : at + 50]).reshape(-1, WINDOW * WINDOW) @ self.filters
                 for at in range(0, len(frames), 50)]
        return np.concatenate(parts)

    def fit(self, frames, boxes, seed):
        random = np.random.default_rng(seed)
        inputs = self.features(frames)
        objects, places, classes, near, left_out = self._targets(boxes)
        positives = np.where(objects)[0]
        beside = np.where(near & ~left_out)[0]
        empty = np.where(~objects & ~near & ~left_out)[0]
        sizes = FEATURES, HIDDEN, 5 + self.class_count
        weights = [random.standard_normal(sizes[:2]).astype("f4") * 1.4 / np.sqrt(sizes[0]), np.zeros(HIDDEN, "f4"),
                   random.standard_normal(sizes[1:]).astype("f4") / np.sqrt(HIDDEN), np.zeros(sizes[2], "f4")]
        means, squares = [np.zeros_like(each) for each in weights], [np.zeros_like(each) for each in weights]
        for step in range(1, STEPS + 1):
            drawn = (positives, 64), (beside, 160), (empty, 320)
            chosen = np.concatenate([random.choice(each, count) for each, count in drawn])
            gain = random.uniform(0.8, 1.2, (len(chosen), 1)).astype("f4")
            slopes = self._slopes(weights, inputs[chosen] * gain, objects[chosen], places[chosen], classes[chosen])
            for at, slope in enumerate(slopes):
                means[at] += 0.1 * (slope - means[at])
                squares[at] += 0.001 * (slope * slope - squares[at])
                rate = 3e-3 * (1 - step / STEPS) + 1e-5
                weights[at] -= rate * (means[at] / (1 - 0.9**step)) / (np.sqrt(squares[at] / (1 - 0.999**step)) + 1e-8)
        self.weights = weights
        return self

    def _targets(self, boxes):
        """For each cell whether it is to find an object, that object's place as the head gives it, its class, and whether
        the cell is near one that it is not to find.

        The cells around an object's centre find it too; what they say is one box. Where a thing is hardly visible
        either answer is as good: those cells are left out.
        """
        shape = len(boxes), self.cells, self.cells
        objects, near, left_out = np.zeros(shape, bool), np.zeros(shape, bool), np.zeros(shape, bool)
        places, classes = np.zeros((*shape, 4), "f4"), np.zeros(shape, int)
        for number, found in enumerate(boxes):
            for left, top, right, bottom, kind, is_visible in found:
                x, y = (left + right) / 2 / STRIDE, (top + bottom) / 2 / STRIDE
                sizes = np.clip(np.array([right - left, bottom - top]) / self.side, 0.02, 0.98)
                for row in range(max(int(y) - 3, 0), min(int(y) + 4, self.cells)):
                    for column in range(max(int(x) - 3, 0), min(int(x) + 4, self.cells)):
                        place = number, row, column
                        within = np.array([x - column, y - row])
                        if np.abs(within).max() >= 0.9:
                            near[place] = True
                        elif not is_visible:
                            left_out[place] = True
                        else:
                            objects[place] = True
                            places[place] = [*np.arctanh(within), *np.log(sizes / (1 - sizes))]
                            classes[place] = int(kind)
        near &= ~objects
        return objects.ravel(), places.reshape(-1, 4), classes.ravel(), near.ravel(), left_out.ravel() & ~objects.ravel()

    @staticmethod
    def _slopes(weights, inputs, objects, places, classes):
        hidden = np.maximum(inputs @ weights[0] + weights[1], 0)
        raw = hidden @ weights[2] + weights[3]
        error = np.zeros_like(raw)
        error[:, 0] = 1 / (1 + np.exp(-raw[:, 0])) - objects
        held = np.where(objects)[0]
        error[held, 1:5] = 0.5 * np.clip(raw[held, 1:5] - places[held], -1, 1)
        odds = np.exp(raw[held, 5:] - raw[held, 5:].max(1, keepdims=True))
        odds /= odds.sum(1, keepdims=True)
        odds[np.arange(len(held)), classes[held]] -= 1
        error[held, 5:] = odds
        error /= len(inputs)
        back = (error @ weights[2].T) * (hidden > 0)
        return inputs.T @ back, back.sum(0), hidden.T @ error + 1e-5 * weights[2], error.sum(0)

    def detect(self, frames):
        """What it finds in each frame, best first: rows of left, top, right, bottom, class, score."""
        hidden = np.maximum(self.features(frames) @ self.weights[0] + self.weights[1], 0)
        raw = (hidden @ self.weights[2] + self.weights[3]).reshape(len(frames), self.cells, self.cells, -1)
        return [self._boxes(each) for each in raw]

    def _boxes(self, raw):
        odds = np.exp(raw[..., 5:] - raw[..., 5:].max(-1, keepdims=True))
        odds /= odds.sum(-1, keepdims=True)
        score = (1 / (1 + np.exp(-raw[..., 0]))) ** 0.6 * odds.max(-1) ** 0.4
        rows, columns = np.where(score >= SCORE_FLOOR)
        part = raw[rows, columns]
        x, y = (np.tanh(part[:, 1]) + columns) * STRIDE, (np.tanh(part[:, 2]) + rows) * STRIDE
        width, height = (self.side / (1 + np.exp(-part[:, at])) for at in (3, 4))
        found = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2,
                          odds.argmax(-1)[rows, columns], score[rows, columns]], 1)
        found[:, :4] = np.clip(found[:, :4], 0, self.side)
        kept = []
        for box in found[np.argsort(-found[:, 5], kind="stable")]:
            if all(box[4] != other[4] or overlap(box, other) <= OVERLAP_MAX for other in kept):
                kept.append(box)
        return np.array(kept[:BOXES_MAX]).reshape(-1, 6)

    def to_onnx(self, path):
        """Input `frames` 1 x 1 x H x W in 0..1, tensor `found` as FastestDet gives it."""
        edge, node = (WINDOW - STRIDE) // 2, helper.make_node
        stored = {
            "filters": self.filters.T.reshape(FEATURES, 1, WINDOW, WINDOW),
            "w1": self.weights[0].T[:, :, None, None], "b1": self.weights[1],
            "w2": self.weights[2].T[:, :, None, None], "b2": self.weights[3],
        }
        nodes = [
            node("Conv", ["frames", "filters"], ["features"], strides=[STRIDE] * 2, pads=[edge] * 4),
            node("Conv", ["features", "w1", "b1"], ["raw"]),
            node("Relu", ["raw"], ["hidden"]),
            node("Conv", ["hidden", "w2", "b2"], ["said"]),
            node("Split", ["said", "parts"], ["is", "place", "kinds"], axis=1),
            node("Sigmoid", ["is"], ["object"]),
            node("Softmax", ["kinds"], ["classes"], axis=1),
            node("Concat", ["object", "place", "classes"], ["found"], axis=1),
        ]
        tensors = [numpy_helper.from_array(np.ascontiguousarray(each, "f4"), name) for name, each in stored.items()]
        tensors.append(numpy_helper.from_array(np.array([1, 4, self.class_count]), "parts"))
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            nodes, "detector", [value("frames", TensorProto.FLOAT, [1, 1, self.side, self.side])],
            [value("found", TensorProto.FLOAT, [1, 5 + self.class_count, self.cells, self.cells])], tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        Path(path).write_bytes(model.SerializeToString())

    @property
    def spec(self):
        return {
            "task": "detection", "decoder": "fastestdet", "decoder_options": {"score_min": SCORE_MIN},
            "width": self.side, "height": self.side, "color": "GRAY", "scale": 1 / 255, "mean": [0.0], "std": [1.0],
            "embedding": "features",
        }


def overlap(one, other):
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared)


def holds_error(found, truth):
    """Whether a box is missed or false: at an overlap of one half and by class, the surest claims first. Things that
    are hardly visible are neither."""
    free = [box for box in truth if box[5]]
    hardly = [box for box in truth if not box[5]]
    for claim in found[found[:, 5] >= SCORE_MIN]:
        fitting = [(overlap(claim, box), at) for at, box in enumerate(free) if box[4] == claim[4]]
        best = max(fitting, default=(0, None))
        if best[0] >= 0.5:
            free.pop(best[1])
        elif not any(overlap(claim, box) >= 0.3 for box in hardly):
            return True
    return bool(free)
