"""Networks of the sizes that devices run, with random weights: what they see does not matter here, only what it takes."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Network:
    """A chain of convolutions that ends in classes."""

    def __init__(self, size, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []
        self.last, self.channels, self.size = "images", 3, size
        self.input = [1, 3, size, size]

    def node(self, kind, *inputs, **attributes):
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [*inputs], [name], **attributes))
        self.last = name
        return name

    def weight(self, values):
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def convolution(self, channels, kernel=1, stride=1, depthwise=False, activation=True):
        groups = self.channels if depthwise else 1
        fan = self.channels // groups * kernel * kernel
        weight = self.weight(self.random.normal(0, (2 / fan) ** 0.5, (channels, self.channels // groups, kernel, kernel)))
        bias = self.weight(np.zeros(channels))
        pad = kernel // 2
        self.node(
            "Conv", self.last, weight, bias, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups
        )
        self.channels = channels
        if activation:
            self.node("Clip", self.last, self.weight(np.float32(0)), self.weight(np.float32(6)))

    def inverted(self, expansion, channels, stride):
        """MobileNet V2's block (Sandler et al. 2018, table 1)."""
        before, narrow = self.last, self.channels
        if expansion > 1:
            self.convolution(narrow * expansion)
        self.convolution(self.channels, kernel=3, stride=stride, depthwise=True)
        self.convolution(channels, activation=False)
        if stride == 1 and narrow == channels:
            self.node("Add", before, self.last)

    def write(self, path, classes, notes):
        self.node("GlobalAveragePool", self.last)
        self.node("Flatten", self.last)
        self.node("Gemm", self.last, self.weight(self.random.normal(0, 0.05, (self.channels, classes))))
        self.node("Softmax", self.last, axis=1)
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, self.input)],
            [helper.make_tensor_value_info(self.last, TensorProto.FLOAT, [1, classes])],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        helper.set_model_props(model, notes)
        onnx.save(model, path)
        return path


def notes(size, classes):
    names = "{" + ", ".join(f"{each}: 'class-{each}'" for each in range(classes)) + "}"
    return {"names": names, "stride": "32", "imgsz": f"[{size}, {size}]", "task": "classify"}


def small(path):
    """A classifier of small crops: 48 × 48, three convolutions, ten classes."""
    network = Network(48, seed=1)
    for channels in (16, 32, 64):
        network.convolution(channels, kernel=3, stride=2)
    return network.write(path, 10, notes(48, 10))


def mobilenet(path):
    """MobileNet V2 for 224 × 224 and 1,000 classes (Sandler et al. 2018, table 2)."""
    network = Network(224, seed=2)
    network.convolution(32, kernel=3, stride=2)
    for expansion, channels, count, stride in [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]:
        for number in range(count):
            network.inverted(expansion, channels, stride if number == 0 else 1)
    network.convolution(1280)
    return network.write(path, 1000, notes(224, 1000))
