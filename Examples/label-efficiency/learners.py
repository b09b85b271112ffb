"""The models that are retrained: small enough that a whole run of a stream takes seconds, and written as ONNX."""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "retrain"))
from network import Network


class Head:
    """A perceptron with one hidden layer on fixed features: a frozen backbone with a head that is retrained.

    The features are principal components of unlabeled frames, 48 of them.
    """

    feature_count = 48
    hidden_count = 64

    def __init__(self, frames):
        flat = self._flat(frames)
        self.size = frames.shape[1:]
        self.mean = flat.mean(0)
        _, strengths, directions = np.linalg.svd(flat - self.mean, full_matrices=False)
        scale = (strengths[: self.feature_count] / np.sqrt(len(flat)) + 1e-3) ** 0.5
        self.directions = (directions[: self.feature_count].T / scale).astype("f4")

    @staticmethod
    def _flat(frames):
        return frames.reshape(len(frames), -1).astype("f4") / 255

    def features(self, frames):
        return (self._flat(frames) - self.mean) @ self.directions

    def fit(self, frames, classes, class_count, seed, steps=300):
        random = np.random.default_rng(seed)
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
        for step in range(1, steps + 1):
            chosen = random.integers(0, len(classes), size)
            for at, slope in enumerate(self._slopes(weights, inputs[chosen], classes[chosen])):
                means[at] += 0.1 * (slope - means[at])
                squares[at] += 0.001 * (slope * slope - squares[at])
                rate = 5e-3 * (1 - step / steps) + 1e-5
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
        """Input `frames` N x 1 x H x W in 0..1, tensor `features`, output `probabilities`."""
        stored = {
            "directions": self.directions, "shift": -self.mean @ self.directions, "spread": np.array(self.spread, "f4"),
            "w1": self.weights[0], "b1": self.weights[1], "w2": self.weights[2], "b2": self.weights[3],
        }
        node = helper.make_node
        nodes = [
            node("Flatten", ["frames"], ["flat"]),
            node("Gemm", ["flat", "directions", "shift"], ["features"]),
            node("Div", ["features", "spread"], ["scaled"]),
            node("Gemm", ["scaled", "w1", "b1"], ["raw"]),
            node("Relu", ["raw"], ["hidden"]),
            node("Gemm", ["hidden", "w2", "b2"], ["logits"]),
            node("Softmax", ["logits"], ["probabilities"], axis=1),
        ]
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            nodes, "head", [value("frames", TensorProto.FLOAT, ["N", 1, *self.size])],
            [value("probabilities", TensorProto.FLOAT, ["N", len(self.weights[3])])],
            [numpy_helper.from_array(np.ascontiguousarray(each, "f4"), name) for name, each in stored.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        Path(path).write_bytes(model.SerializeToString())

    @property
    def spec(self):
        return {"width": self.size[1], "height": self.size[0], "color": "GRAY", "scale": 1 / 255, "embedding": "features"}


class SmallNetwork:
    """The convolutional network of `Examples/retrain`, trained from nothing each time: its features change with it."""

    epochs = 12

    def __init__(self, frames):
        self.size = frames.shape[1:3]

    @staticmethod
    def _inputs(frames):
        return (frames.astype("f4") / 255 - 0.5) / 0.25

    def fit(self, frames, classes, class_count, seed):
        random = np.random.default_rng(seed)
        self.network = Network.fresh(class_count, *self.size, 3, random)
        inputs = self._inputs(frames)
        means = {name: np.zeros_like(each) for name, each in self.network.weights.items()}
        squares = {name: np.zeros_like(each) for name, each in self.network.weights.items()}
        steps = self.epochs * -(-len(classes) // 32)
        step = 0
        for _ in range(self.epochs):
            order = random.permutation(len(classes))
            for at in range(0, len(order), 32):
                chosen = order[at : at + 32]
                step += 1
                rate = 3e-3 * 0.5 * (1 + np.cos(np.pi * step / (steps + 1)))
                for name, slope in self.network.gradients(self._augmented(inputs[chosen], random), classes[chosen]).items():
                    means[name] += 0.1 * (slope - means[name])
                    squares[name] += 0.001 * (slope * slope - squares[name])
                    change = means[name] / (1 - 0.9**step) / (np.sqrt(squares[name] / (1 - 0.999**step)) + 1e-8)
                    self.network.weights[name] -= (rate * change).astype("f4")
        return self

    @staticmethod
    def _augmented(frames, random):
        frames = np.roll(frames, tuple(random.integers(-2, 3, 2)), (1, 2))
        count = len(frames)
        return frames * random.uniform(0.85, 1.15, (count, 1, 1, 1)).astype("f4") + random.uniform(
            -0.4, 0.4, (count, 1, 1, 1)
        ).astype("f4")

    def probabilities(self, frames):
        return self.network.probabilities(self._inputs(frames))

    def features(self, frames):
        pieces = [self.network._forward(self._inputs(frames[at : at + 256]))[1][-1] for at in range(0, len(frames), 256)]
        return np.concatenate(pieces)

    def to_onnx(self, path):
        self.network.to_onnx(path)

    @property
    def spec(self):
        return {
            "width": self.size[1], "height": self.size[0], "color": "RGB", "scale": 1 / 255, "mean": [0.5], "std": [0.25],
            "embedding": "features",
        }


def softmax(logits):
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def balanced_accuracy(probabilities, classes):
    said = probabilities.argmax(1)
    return float(np.mean([(said[classes == each] == each).mean() for each in np.unique(classes)]))
