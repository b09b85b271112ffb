"""The models that are retrained: small enough that a whole run of a stream takes seconds, and written as ONNX."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper


class Pixels:
    """Frames as they are, laid out in a row, in 0..1."""

    def __call__(self, frames):
        return frames.reshape(len(frames), -1).astype("f4") / 255

    def nodes(self):
        """The same as ONNX, from `frames` to `flat`, and the constants it needs."""
        return [helper.make_node("Flatten", ["frames"], ["flat"])], {}

    @staticmethod
    def varied(frames, classes, _):
        return frames, classes


class Edges:
    """How strong edges of each direction are in each part of a frame, light on dark or dark on light alike: a fixed
    backbone for real photographs under any light (histograms of oriented gradients, Dalal and Triggs 2005)."""

    directions, cell, overlap = 8, 4, 1
    copies = 6

    def __call__(self, frames):
        grey = frames.astype("f4").mean(3) / 255
        grey = (grey - grey.mean((1, 2), keepdims=True)) / np.sqrt(grey.var((1, 2), keepdims=True) + 1e-3)
        edges = np.zeros((len(grey), self.directions, *grey.shape[1:]), "f4")
        across = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
        down = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
        for at, (x, y) in enumerate(self._ways()):
            edges[:, at, 1:-1, 1:-1] = np.abs(x * across + y * down)
        strength = np.sqrt(self._pooled(edges))
        strength /= np.sqrt((strength**2).sum(1, keepdims=True) + 0.05)
        return strength.reshape(len(frames), -1)

    def _ways(self):
        turns = np.pi * np.arange(self.directions) / self.directions
        return np.stack([np.cos(turns), np.sin(turns)], 1).astype("f4")

    def _pooled(self, edges):
        edge = self.overlap
        padded = np.pad(edges, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
        rows, columns = (size // self.cell for size in edges.shape[2:])
        reach = self.cell + 2 * edge
        return np.stack([
            np.stack([padded[:, :, self.cell * r :, self.cell * c :][:, :, :reach, :reach].mean((2, 3)) for c in range(columns)], 2)
            for r in range(rows)], 2)

    def nodes(self):
        x, y = self._ways().T
        kernels = np.zeros((self.directions, 1, 3, 3), "f4")
        kernels[:, 0, 1, 0], kernels[:, 0, 1, 2], kernels[:, 0, 0, 1], kernels[:, 0, 2, 1] = -x, x, -y, y
        node, edge = helper.make_node, self.overlap
        return [
            node("ReduceMean", ["frames"], ["grey"], axes=[1], keepdims=1),
            node("InstanceNormalization", ["grey", "one", "nought"], ["even"], epsilon=1e-3),
            node("Conv", ["even", "kernels"], ["slopes"]),
            node("Abs", ["slopes"], ["inner"]),
            node("Pad", ["inner", "border"], ["edges"]),
            node("AveragePool", ["edges"], ["pooled"], kernel_shape=[self.cell + 2 * edge] * 2,
                 strides=[self.cell] * 2, pads=[edge] * 4, count_include_pad=1),
            node("Sqrt", ["pooled"], ["strength"]),
            node("ReduceL2", ["strength"], ["length"], axes=[1], keepdims=1),
            node("Mul", ["length", "length"], ["square"]),
            node("Add", ["square", "little"], ["more"]),
            node("Sqrt", ["more"], ["divisor"]),
            node("Div", ["strength", "divisor"], ["balanced"]),
            node("Flatten", ["balanced"], ["flat"]),
        ], {
            "one": np.ones(1, "f4"), "nought": np.zeros(1, "f4"), "kernels": kernels,
            "border": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "little": np.array(0.05, "f4"),
        }

    def varied(self, frames, classes, random):
        """Each frame beside copies that are moved by up to two pixels, as a camera's mount may move."""
        moved = [np.stack([np.roll(frame, tuple(random.integers(-2, 3, 2)), (0, 1)) for frame in frames])
                 for _ in range(self.copies)]
        return np.concatenate([frames, *moved]), np.concatenate([classes] * (1 + self.copies))


class Head:
    """A perceptron with one hidden layer on fixed features: a frozen backbone with a head that is retrained.

    The features are principal components of what a backbone makes of unlabeled frames.
    """

    def __init__(self, frames, backbone, feature_count=48, hidden_count=64, steps=300):
        self.backbone, self.feature_count, self.hidden_count, self.steps = backbone, feature_count, hidden_count, steps
        flat = backbone(frames)
        self.size = frames.shape[1:]
        self.mean = flat.mean(0)
        _, strengths, directions = np.linalg.svd(flat - self.mean, full_matrices=False)
        scale = (strengths[: self.feature_count] / np.sqrt(len(flat)) + 1e-3) ** 0.5
        self.directions = (directions[: self.feature_count].T / scale).astype("f4")

    def features(self, frames):
        return (self.backbone(frames) - self.mean) @ self.directions

    def fit(self, frames, classes, class_count, seed):
        random = np.random.default_rng(seed)
        frames, classes = self.backbone.varied(frames, classes, random)
        inputs = self.features(frames)
        self.spread = float(inputs.std()) + 1e-6
        inputs = inputs / self.spread
        weights = [
            random.standard_normal((self.feature_count, self.hidden_count)).astype("f4") * 1.4 / np.sqrt(self.feature_count),
            np.zeros(self.hidden_count, "f4"),
            random.standard_normal((self.hidden_count, class_count)).astype("f4") / np.sqrt(self.hidden_count),
            np.zeros(class_count, "f4"),
        ]
        means, squares = [np.zeros_like(each) for each in weights], [np.zeros_like(each) for each in weights]
        size = min(64, len(classes))
        for step in range(1, self.steps + 1):
            chosen = random.integers(0, len(classes), size)
            for at, slope in enumerate(self._slopes(weights, inputs[chosen], classes[chosen])):
                means[at] += 0.1 * (slope - means[at])
                squares[at] += 0.001 * (slope * slope - squares[at])
                rate = 5e-3 * (1 - step / self.steps) + 1e-5
                weights[at] -= rate * (means[at] / (1 - 0.9**step)) / (np.sqrt(squares[at] / (1 - 0.999**step)) + 1e-8)
        self.weights = weights
        return self

    @staticmethod
    def _slopes(weights, inputs, classes):
        hidden = np.maximum(inputs @ weights[0] + weights[1], 0)
        error = softmax(hidden @ weights[2] + weights[3])
        error[np.arange(len(classes)), classes] -= 1
        error /= len(classes)
        back = (error @ weights[2].T) * (hidden > 0)
        return inputs.T @ back, back.sum(0), hidden.T @ error + 1e-4 * weights[2], error.sum(0)

    def probabilities(self, frames):
        hidden = np.maximum(self.features(frames) / self.spread @ self.weights[0] + self.weights[1], 0)
        return softmax(hidden @ self.weights[2] + self.weights[3])

    def to_onnx(self, path):
        """Input `frames` N x C x H x W in 0..1, tensor `features`, output `probabilities`."""
        nodes, stored = self.backbone.nodes()
        own = {
            "directions": self.directions, "shift": -self.mean @ self.directions, "spread": self.spread,
            "w1": self.weights[0], "b1": self.weights[1], "w2": self.weights[2], "b2": self.weights[3],
        }
        stored |= {name: np.asarray(each, "f4") for name, each in own.items()}
        node = helper.make_node
        nodes += [
            node("Gemm", ["flat", "directions", "shift"], ["features"]),
            node("Div", ["features", "spread"], ["scaled"]),
            node("Gemm", ["scaled", "w1", "b1"], ["raw"]),
            node("Relu", ["raw"], ["hidden"]),
            node("Gemm", ["hidden", "w2", "b2"], ["logits"]),
            node("Softmax", ["logits"], ["probabilities"], axis=1),
        ]
        value = helper.make_tensor_value_info
        channels = self.size[2] if len(self.size) == 3 else 1
        graph = helper.make_graph(
            nodes, "head", [value("frames", TensorProto.FLOAT, ["N", channels, *self.size[:2]])],
            [value("probabilities", TensorProto.FLOAT, ["N", len(self.weights[3])])],
            [numpy_helper.from_array(each, name) for name, each in stored.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        Path(path).write_bytes(model.SerializeToString())

    @property
    def spec(self):
        return {
            "width": self.size[1], "height": self.size[0], "color": "RGB" if len(self.size) == 3 else "GRAY",
            "scale": 1 / 255, "mean": [0.0], "std": [1.0], "embedding": "features",
        }


def softmax(logits):
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def balanced_accuracy(probabilities, classes):
    said = probabilities.argmax(1)
    return float(np.mean([(said[classes == each] == each).mean() for each in np.unique(classes)]))
