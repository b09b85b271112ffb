"""A small convolutional classifier in NumPy: two 3x3 convolutions with pooling, then a linear head.

It reads its weights out of an ONNX file and writes them back into one, so that training goes on from the very model
that is deployed. Arrays are batch x height x width x channels in here; the ONNX file is channels first.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHTS = ("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "head.weight", "head.bias")


class NetworkError(Exception):
    """An ONNX file is no network of this kind; the message says why."""


class Network:
    """Weights by name, forward and backward passes.

    Shapes: convN.weight 3 x 3 x in x out, convN.bias out, head.weight (h/4 * w/4 * c2) x classes, head.bias classes.
    """

    def __init__(self, weights, height, width):
        self.weights = weights
        self.height = height
        self.width = width

    @classmethod
    def fresh(cls, classes, height, width, channels, random, widths=(8, 16)):
        """A network with random weights (He et al. 2015). The input's sides must be multiples of 4."""
        if height % 4 or width % 4:
            raise NetworkError(f"the input is {width}x{height}: both sides must be multiples of 4")
        first, second = widths
        features = height // 4 * (width // 4) * second

        def normal(*shape, inputs):
            return (random.standard_normal(shape) * np.sqrt(2 / inputs)).astype("f4")

        weights = {
            "conv1.weight": normal(3, 3, channels, first, inputs=9 * channels),
            "conv1.bias": np.zeros(first, "f4"),
            "conv2.weight": normal(3, 3, first, second, inputs=9 * first),
            "conv2.bias": np.zeros(second, "f4"),
            "head.weight": normal(features, classes, inputs=features),
            "head.bias": np.zeros(classes, "f4"),
        }
        return cls(weights, height, width)

    @classmethod
    def from_onnx(cls, path):
        """The network of an ONNX file that `to_onnx` wrote."""
        try:
            model = onnx.load(path)
        except Exception as error:  # protobuf's own error types differ between its versions
            raise NetworkError(f"{path} is no ONNX model: {error}") from error
        stored = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
        missing = [name for name in WEIGHTS if name not in stored]
        if missing:
            raise NetworkError(
                f"{path} was not made by this trainer: it has no {', '.join(missing)}. Start without --base, or retrain "
                "it with the framework it was made with"
            )
        _, _, height, width = (side.dim_value for side in model.graph.input[0].type.tensor_type.shape.dim)
        weights = {name: stored[name].astype("f4") for name in WEIGHTS}
        for name in ("conv1.weight", "conv2.weight"):
            weights[name] = weights[name].transpose(2, 3, 1, 0).copy()
        maps = len(weights["conv2.bias"])
        head = weights["head.weight"].reshape(maps, height // 4, width // 4, -1).transpose(1, 2, 0, 3)
        weights["head.weight"] = head.reshape(maps * (height // 4) * (width // 4), -1).copy()
        return cls(weights, height, width)

    def to_onnx(self, path):
        """Writes the network as ONNX (opset 13): input `frames` N x C x H x W, output `probabilities` N x classes."""
        stored = dict(self.weights)
        for name in ("conv1.weight", "conv2.weight"):
            stored[name] = stored[name].transpose(3, 2, 0, 1)
        head = stored["head.weight"].reshape(self.height // 4, self.width // 4, -1, self.class_count)
        stored["head.weight"] = head.transpose(2, 0, 1, 3).reshape(-1, self.class_count)
        node = helper.make_node
        pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
        nodes = [
            node("Conv", ["frames", "conv1.weight", "conv1.bias"], ["c1"], pads=[1, 1, 1, 1]),
            node("Relu", ["c1"], ["r1"]),
            node("MaxPool", ["r1"], ["p1"], **pool),
            node("Conv", ["p1", "conv2.weight", "conv2.bias"], ["c2"], pads=[1, 1, 1, 1]),
            node("Relu", ["c2"], ["r2"]),
            node("MaxPool", ["r2"], ["p2"], **pool),
            node("Flatten", ["p2"], ["features"]),
            node("Gemm", ["features", "head.weight", "head.bias"], ["logits"]),
            node("Softmax", ["logits"], ["probabilities"], axis=1),
        ]
        channels = self.weights["conv1.weight"].shape[2]
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            nodes,
            "small-cnn",
            [value("frames", TensorProto.FLOAT, ["N", channels, self.height, self.width])],
            [value("probabilities", TensorProto.FLOAT, ["N", self.class_count])],
            [numpy_helper.from_array(np.ascontiguousarray(stored[name]), name) for name in WEIGHTS],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)

    @property
    def class_count(self):
        return len(self.weights["head.bias"])

    def add_classes(self, count, random):
        """Widens the head: the new classes start with small random weights and the bias of the rarest old class."""
        features = self.weights["head.weight"].shape[0]
        new = (random.standard_normal((features, count)) * 0.1 / np.sqrt(features)).astype("f4")
        low = np.full(count, self.weights["head.bias"].min(), "f4")
        self.weights["head.weight"] = np.concatenate([self.weights["head.weight"], new], axis=1)
        self.weights["head.bias"] = np.concatenate([self.weights["head.bias"], low])

    def probabilities(self, frames):
        """N x classes, in pieces so that memory stays small."""
        return np.concatenate([self._forward(frames[at : at + 256])[0] for at in range(0, len(frames), 256)])

    def loss(self, frames, classes):
        """Mean cross-entropy in nats."""
        chance = self.probabilities(frames)[np.arange(len(frames)), classes]
        return float(-np.log(np.maximum(chance, 1e-12)).mean())

    def _forward(self, frames):
        columns1, maps1 = _convolve(frames, self.weights["conv1.weight"], self.weights["conv1.bias"])
        pooled1, winners1 = _pool(maps1)
        columns2, maps2 = _convolve(pooled1, self.weights["conv2.weight"], self.weights["conv2.bias"])
        pooled2, winners2 = _pool(maps2)
        features = pooled2.reshape(len(frames), -1)
        logits = features @ self.weights["head.weight"] + self.weights["head.bias"]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True), (
            columns1, pooled1, winners1, columns2, pooled2, winners2, features
        )

    def gradients(self, frames, classes):
        """The gradient of the mean cross-entropy by each weight."""
        chance, (columns1, pooled1, winners1, columns2, pooled2, winners2, features) = self._forward(frames)
        error = chance
        error[np.arange(len(frames)), classes] -= 1
        error /= len(frames)
        slopes = {"head.weight": features.T @ error, "head.bias": error.sum(axis=0)}
        back = (error @ self.weights["head.weight"].T).reshape(pooled2.shape)
        back = _unpool(back, pooled2, winners2)
        slopes["conv2.weight"], slopes["conv2.bias"] = _slopes(columns2, back, self.weights["conv2.weight"].shape)
        back = _unpool(_unconvolve(back, self.weights["conv2.weight"]), pooled1, winners1)
        slopes["conv1.weight"], slopes["conv1.bias"] = _slopes(columns1, back, self.weights["conv1.weight"].shape)
        return slopes


def _neighbourhoods(maps):
    """Every 3x3 neighbourhood as a row of 9 * channels; beyond the border there are zeros."""
    count, height, width, channels = maps.shape
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    image, row, pixel, value = padded.strides
    # The three pixels of a neighbourhood's row lie side by side in memory: one copy takes them all.
    view = np.lib.stride_tricks.as_strided(
        padded, (count, height, width, 3, 3 * channels), (image, row, pixel, row, value), writeable=False
    )
    return view.reshape(-1, 9 * channels)


def _convolve(maps, weight, bias):
    """The neighbourhoods, and the convolution followed by max(0, x)."""
    columns = _neighbourhoods(maps)
    out = columns @ weight.reshape(len(columns[0]), -1) + bias
    return columns, np.maximum(out, 0, out=out).reshape(*maps.shape[:3], -1)


def _unconvolve(back, weight):
    """The gradient by a convolution's input: a convolution with the kernels turned by 180 degrees."""
    turned = weight[::-1, ::-1].transpose(0, 1, 3, 2)
    channels = turned.shape[3]
    return (_neighbourhoods(back) @ turned.reshape(-1, channels)).reshape(*back.shape[:3], channels)


def _slopes(columns, back, shape):
    flat = back.reshape(-1, back.shape[3])
    return (columns.T @ flat).reshape(shape), flat.sum(axis=0)


def _pool(maps):
    """2x2 maxima, and where in `maps` they are."""
    # Four slices: NumPy's reductions over two short axes take five times as long.
    upper = np.maximum(maps[:, ::2, ::2], maps[:, ::2, 1::2])
    largest = np.maximum(upper, np.maximum(maps[:, 1::2, ::2], maps[:, 1::2, 1::2]))
    return largest, [maps[:, dy::2, dx::2] == largest for dy in (0, 1) for dx in (0, 1)]


def _unpool(back, pooled, winners):
    """The gradient by what was pooled; nothing flows where the maximum was cut off at 0."""
    back = back * (pooled > 0)
    count, height, width, channels = back.shape
    out = np.empty((count, 2 * height, 2 * width, channels), "f4")
    for (dy, dx), winner in zip(((0, 0), (0, 1), (1, 0), (1, 1)), winners):
        np.multiply(back, winner, out=out[:, dy::2, dx::2])
    return out
