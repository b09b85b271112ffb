#!/usr/bin/env python3
"""Make a Gleaner model bundle of a Darknet detector: its .cfg and its .weights.

Needs the packages numpy and onnx; neither Darknet nor OpenCV. Batch normalisation is folded into the convolutions
before it. The YOLO layers stay raw heads, which Gleaner's decoder `yolo-anchors` reads.

  Yolo-Fastest, trained on COCO:
    darknet.py yolo-fastest-1.1.cfg yolo-fastest-1.1.weights --labels coco.names --to yolo-fastest.tar

  YOLOv4-tiny of your own, as the third version of `orchard`, claiming only what it is rather sure of:
    darknet.py orchard.cfg orchard_best.weights --labels orchard.names --to orchard-3 --name orchard --version 3 \\
      --score-min 0.4
"""

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

# Only what this script needs: its own folder has files that are named as frameworks are.
sys.path[0] = str(Path(__file__).resolve().parents[1] / "retrain")

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import pack_model  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

# Old enough for ONNX Runtime 1.12.
OPSET, IR_VERSION = 13, 8

# Options that change what a layer computes, with the value at which they change nothing.
NEUTRAL = {
    "convolutional": {"antialiasing": "0", "binary": "0", "xnor": "0", "share_index": "", "deform": "0", "rotate": "0"},
    "maxpool": {"maxpool_depth": "0", "antialiasing": "0"},
    "shortcut": {"weights_type": "none"},
    "upsample": {"scale": "1"},
}


class ConversionError(Exception):
    """The model cannot be converted; the message says which layer is in the way, and what to do."""


@dataclass
class Section:
    """One `[kind]` of a cfg with its options; `index` counts the layers as Darknet does, from 0."""

    kind: str
    index: int
    options: dict

    def __str__(self):
        return f"layer {self.index} [{self.kind}]"

    def integer(self, key, default=None):
        return self._number(key, default, int)

    def number(self, key, default=None):
        return self._number(key, default, float)

    def integers(self, key):
        return self._numbers(key, int)

    def numbers(self, key):
        return self._numbers(key, float)

    def _number(self, key, default, kind):
        if key not in self.options and default is None:
            raise ConversionError(f"{self} has no '{key}': is the cfg whole?")
        return self._parsed(key, self.options.get(key, default), kind)

    def _numbers(self, key, kind):
        if not self.options.get(key):
            raise ConversionError(f"{self} has no '{key}': is the cfg whole?")
        return [self._parsed(key, part, kind) for part in self.options[key].split(",") if part.strip()]

    def _parsed(self, key, text, kind):
        try:
            return kind(text)
        except ValueError:
            raise ConversionError(f"{self}: '{key}' is '{text}', which is not a number") from None

    def refuse_what_is_not_converted(self):
        for key, neutral in NEUTRAL.get(self.kind, {}).items():
            value = self.options.get(key, neutral)
            if value != neutral and not _same_number(value, neutral):
                raise ConversionError(f"{self} has {key}={value}, which this script does not know how to convert")


def _same_number(first, second):
    try:
        return float(first) == float(second)
    except ValueError:
        return False


def read_cfg(path):
    """The sections of a cfg: `[net]` first, then the layers."""
    sections = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        line = re.split("[#;]", line, maxsplit=1)[0].strip()
        if line.startswith("["):
            sections.append(Section(line.strip("[]").strip(), len(sections) - 1, {}))
        elif "=" in line and sections:
            key, value = line.split("=", 1)
            sections[-1].options[key.strip()] = value.strip()
        elif line:
            raise ConversionError(f"{path}, line {number}: '{line[:60]}' is no [section] and no key=value")
    if not sections or sections[0].kind not in ("net", "network"):
        raise ConversionError(f"{path} does not begin with [net]: is it a Darknet cfg?")
    return sections


class Weights:
    """The numbers of a .weights file, taken in the order in which Darknet writes them."""

    def __init__(self, path):
        data = Path(path).read_bytes()
        if len(data) < 16:
            raise ConversionError(f"{path} has {len(data)} bytes: it is no Darknet weights file")
        major, minor, _ = np.frombuffer(data, "<i4", 3)
        # The count of pictures seen in training became wider with version 0.2.
        start = 12 + (8 if major * 10 + minor >= 2 and major < 1000 and minor < 1000 else 4)
        self.path = path
        self.values = np.frombuffer(data, "<f4", (len(data) - start) // 4, start)
        self.taken = 0

    def take(self, section, *shape):
        count = int(np.prod(shape))
        left = len(self.values) - self.taken
        if count > left:
            raise ConversionError(
                f"{self.path} is too short: {section} needs {count:,} more numbers, and {left:,} are left; "
                "is it of this cfg, and wholly copied?"
            )
        self.taken += count
        return self.values[self.taken - count : self.taken].reshape(shape)

    def require_all_taken(self):
        left = len(self.values) - self.taken
        if left:
            raise ConversionError(
                f"{self.path} has {left:,} numbers more than the layers of the cfg take ({self.taken:,}); "
                "is it of this cfg?"
            )


@dataclass
class Layer:
    """What a layer gives: the tensor's name in the graph, and its shape without the batch."""

    tensor: str
    channels: int
    height: int
    width: int
    # The tensor before the activation: a head with `new_coords` is read from there.
    raw: str | None = None


@dataclass
class Head:
    """A YOLO layer."""

    output: str
    anchors: list
    scale_x_y: float
    classes: int
    is_square: bool


class Graph:
    """Builds the ONNX graph, layer by layer."""

    def __init__(self, net, weights):
        self.weights = weights
        self.nodes, self.constants, self.layers, self.heads, self.outputs = [], [], [], [], []
        self.input = Layer("image", net.integer("channels", 3), net.integer("height"), net.integer("width"))
        self.last = self.input

    def node(self, kind, inputs, name, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name, values, dtype=np.float32):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype), name))
        return name

    def add(self, section):
        if section.kind not in LAYERS:
            raise ConversionError(
                f"{section}: this script does not know that kind of layer; it knows {', '.join(sorted(LAYERS))}"
            )
        section.refuse_what_is_not_converted()
        self.last = LAYERS[section.kind](self, section)
        self.layers.append(self.last)

    def named(self, section, key):
        """The layers that an option names: from the first on, or with a minus back from this one."""
        found = []
        for number in section.integers(key):
            index = section.index + number if number < 0 else number
            if not 0 <= index < section.index:
                raise ConversionError(f"{section}: '{key}' names the layer {number}, which is not before it")
            found.append(self.layers[index])
        return found

    def model(self):
        if not self.heads:
            raise ConversionError("the cfg has no [yolo] layer: this script converts detectors with YOLO heads only")
        self.weights.require_all_taken()
        shape = [1, self.input.channels, self.input.height, self.input.width]
        graph = helper.make_graph(
            self.nodes,
            "darknet",
            [helper.make_tensor_value_info(self.input.tensor, TensorProto.FLOAT, shape)],
            self.outputs,
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model


def convolutional(graph, section):
    before, name = graph.last, f"layer{section.index}"
    size, filters, groups = section.integer("size"), section.integer("filters"), section.integer("groups", 1)
    stride, dilation = section.integer("stride", 1), section.integer("dilation", 1)
    strides = [section.integer("stride_y", stride), section.integer("stride_x", stride)]
    # `pad` says whether to pad at all; only without it `padding` says by how much.
    pad = size // 2 if section.integer("pad", 0) else section.integer("padding", 0)
    if before.channels % groups:
        raise ConversionError(f"{section}: {before.channels} channels do not make {groups} groups")
    weights, bias = _folded(graph.weights, section, (filters, before.channels // groups, size, size))
    raw = graph.node(
        "Conv",
        [before.tensor, graph.constant(f"{name}.weights", weights), graph.constant(f"{name}.bias", bias)],
        f"{name}.convolution",
        kernel_shape=[size, size],
        strides=strides,
        pads=[pad * dilation] * 4,
        dilations=[dilation, dilation],
        group=groups,
    )
    tensor = activation(graph, section, raw, name)
    reach = dilation * (size - 1) + 1
    height, width = (
        (side + 2 * pad * dilation - reach) // step + 1 for side, step in zip((before.height, before.width), strides)
    )
    return Layer(tensor, filters, height, width, raw)


def _folded(source, section, shape):
    """Weights and bias of a convolution, with the batch normalisation behind it inside them."""
    filters = shape[0]
    bias = source.take(section, filters)
    if not section.integer("batch_normalize", 0):
        return source.take(section, *shape), bias
    scales, mean, variance = (source.take(section, filters).astype(np.float64) for _ in range(3))
    factor = scales / np.sqrt(variance + 1e-5)
    weights = source.take(section, *shape)
    return weights * factor[:, None, None, None], bias - mean * factor


def activation(graph, section, tensor, name):
    kind = section.options.get("activation", "linear")
    if kind == "linear":
        return tensor
    if kind == "leaky":
        return graph.node("LeakyRelu", [tensor], name, alpha=0.1)
    if kind == "relu":
        return graph.node("Relu", [tensor], name)
    if kind == "relu6":
        limits = [graph.constant(f"{name}.{limit}", limit) for limit in (0, 6)]
        return graph.node("Clip", [tensor, *limits], name)
    if kind == "logistic":
        return graph.node("Sigmoid", [tensor], name)
    if kind == "swish":
        return graph.node("Mul", [tensor, graph.node("Sigmoid", [tensor], f"{name}.sigmoid")], name)
    if kind == "mish":
        soft = graph.node("Tanh", [graph.node("Softplus", [tensor], f"{name}.softplus")], f"{name}.tanh")
        return graph.node("Mul", [tensor, soft], name)
    raise ConversionError(f"{section}: this script does not know the activation '{kind}'")


def shortcut(graph, section):
    before, name = graph.last, f"layer{section.index}"
    tensor = before.tensor
    others = graph.named(section, "from")
    for number, other in enumerate(others):
        if (other.channels, other.height, other.width) != (before.channels, before.height, before.width):
            raise ConversionError(
                f"{section} adds {other.channels}x{other.height}x{other.width} to "
                f"{before.channels}x{before.height}x{before.width}: this script adds only what has one shape"
            )
        tensor = graph.node("Add", [tensor, other.tensor], f"{name}.sum{number}")
    tensor = activation(graph, section, tensor, name)
    return Layer(tensor, before.channels, before.height, before.width)


def route(graph, section):
    name, sources = f"layer{section.index}", graph.named(section, "layers")
    groups, group = section.integer("groups", 1), section.integer("group_id", 0)
    if len({(each.height, each.width) for each in sources}) > 1:
        raise ConversionError(
            f"{section} joins layers of different sizes: is the cfg's width or height no multiple of 32?"
        )
    if not 0 <= group < groups:
        raise ConversionError(f"{section}: there is no group {group} of {groups}")
    parts = [_channels(graph, section, each, groups, group, f"{name}.part{n}") for n, each in enumerate(sources)]
    tensor = parts[0] if len(parts) == 1 else graph.node("Concat", parts, name, axis=1)
    channels = sum(each.channels // groups for each in sources)
    return Layer(tensor, channels, sources[0].height, sources[0].width)


def _channels(graph, section, source, groups, group, name):
    """One group of a layer's channels, as CSP networks such as YOLOv4-tiny take half of them."""
    if groups == 1:
        return source.tensor
    if source.channels % groups:
        raise ConversionError(f"{section}: {source.channels} channels do not make {groups} groups")
    share = source.channels // groups
    limits = [
        graph.constant(f"{name}.{what}", [value], np.int64)
        for what, value in (("start", share * group), ("end", share * (group + 1)), ("axis", 1))
    ]
    return graph.node("Slice", [source.tensor, *limits], name)


def upsample(graph, section):
    before, name, factor = graph.last, f"layer{section.index}", section.integer("stride", 2)
    if factor < 1:
        raise ConversionError(f"{section} has stride={factor}: this script makes layers larger, not smaller")
    tensor = graph.node(
        "Resize",
        [before.tensor, "", graph.constant(f"{name}.scales", [1, 1, factor, factor])],
        name,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    return Layer(tensor, before.channels, before.height * factor, before.width * factor)


def maxpool(graph, section):
    before, stride = graph.last, section.integer("stride", 1)
    size = section.integer("size", stride)
    strides = [section.integer("stride_y", stride), section.integer("stride_x", stride)]
    # The sum of both sides; where it is odd the right and lower side get the larger half.
    padding = section.integer("padding", size - 1)
    first, last = padding // 2, padding - padding // 2
    tensor = graph.node(
        "MaxPool",
        [before.tensor],
        f"layer{section.index}",
        kernel_shape=[size, size],
        strides=strides,
        pads=[first, first, last, last],
    )
    height, width = ((side + padding - size) // step + 1 for side, step in zip((before.height, before.width), strides))
    return Layer(tensor, before.channels, height, width)


def dropout(graph, section):
    return graph.last


def yolo(graph, section):
    before, output = graph.last, f"yolo{len(graph.heads)}"
    anchors, classes = section.numbers("anchors"), section.integer("classes", 20)
    pairs = [[width, height] for width, height in zip(anchors[::2], anchors[1::2])]
    mask = section.integers("mask") if section.options.get("mask") else list(range(len(pairs)))
    if not all(0 <= number < len(pairs) for number in mask):
        raise ConversionError(f"{section}: 'mask' names anchors that are not among the {len(pairs)}")
    if before.channels != len(mask) * (5 + classes):
        raise ConversionError(
            f"{section}: {len(mask)} anchors with {classes} classes need {len(mask) * (5 + classes)} channels, "
            f"and the layer before has {before.channels}: correct its 'filters'"
        )
    is_square = bool(section.integer("new_coords", 0))
    graph.node("Identity", [_logits(graph, section) if is_square else before.tensor], output)
    shape = [1, before.channels, before.height, before.width]
    graph.outputs.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, shape))
    graph.heads.append(
        Head(output, [pairs[number] for number in mask], section.number("scale_x_y", 1), classes, is_square)
    )
    return before


def _logits(graph, section):
    """What a convolution's logistic function gets: `new_coords` has it in the layer, Gleaner in its decoder."""
    before = graph.last
    if before.raw is None or graph.nodes[-1].op_type != "Sigmoid":
        raise ConversionError(
            f"{section} has new_coords=1, and the layer before is no convolution with activation=logistic"
        )
    return before.raw


LAYERS = {
    "convolutional": convolutional,
    "shortcut": shortcut,
    "route": route,
    "upsample": upsample,
    "maxpool": maxpool,
    "dropout": dropout,
    "yolo": yolo,
}


def convert(cfg, weights):
    """The ONNX model of a cfg with its weights, the input's width and height, channels, and the heads."""
    net, *layers = read_cfg(cfg)
    graph = Graph(net, Weights(weights))
    if graph.input.channels not in (1, 3):
        raise ConversionError(f"the cfg's input has {graph.input.channels} channels: frames have 3, or 1 in grey")
    for section in layers:
        graph.add(section)
    return graph.model(), graph.input, graph.heads


def decoder_options(heads, score_min, nms_iou):
    """How Gleaner's `yolo-anchors` reads the heads."""
    if len({head.is_square for head in heads}) > 1:
        raise ConversionError("some [yolo] layers have new_coords=1 and some have not: Gleaner reads either, not both")
    sections = [{"output": head.output, "anchors": head.anchors, "scale_x_y": head.scale_x_y} for head in heads]
    rule = {"box_rule": "square"} if heads[0].is_square else {}
    return {"heads": sections, **rule, "score_min": score_min, "nms_iou": nms_iou}


def name_of(path):
    """A file's name as a model's: small letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9._-]+", "-", Path(path).stem.lower()).strip("-._")[:64]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cfg")
    parser.add_argument("weights")
    parser.add_argument(
        "--to", required=True, metavar="PATH", help="the bundle: a new folder, or a file ending in .tar"
    )
    parser.add_argument("--labels", required=True, help="class names in the model's order: a,b,c or a file of lines")
    parser.add_argument("--name", help="the model's name; all its versions share it (default: the cfg's)")
    parser.add_argument("--version", default=1, type=int, help="grows with each retraining (default: 1)")
    parser.add_argument(
        "--score-min", default=0.25, type=float, help="from here on it claims an object (default: 0.25)"
    )
    parser.add_argument("--nms-iou", default=0.45, type=float, help="boxes that overlap more are one (default: 0.45)")
    parser.add_argument("--licence")
    parser.add_argument("--origin", help="where the model comes from, in words")
    return parser.parse_args()


def main():
    given = parse_arguments()
    try:
        model, size, heads = convert(given.cfg, given.weights)
        labels = pack_model.parse_labels(given.labels)
        if len(labels) != heads[0].classes:
            raise ConversionError(f"the cfg has {heads[0].classes} classes, and --labels names {len(labels)}")
        data = model.SerializeToString(deterministic=True)
        manifest = pack_model.manifest_for(
            data,
            name=given.name or name_of(given.cfg),
            version=given.version,
            task="detection",
            labels=labels,
            width=size.width,
            height=size.height,
            input_name=size.tensor,
            color="RGB" if size.channels == 3 else "GRAY",
            scale=1 / 255,
            decoder="yolo-anchors",
            decoder_options=decoder_options(heads, given.score_min, given.nms_iou),
            licence=given.licence,
            origin=given.origin,
        )
        pack_model.write_bundle(given.to, manifest, data)
    except (ConversionError, pack_model.PackError, OSError) as error:
        sys.exit(f"darknet.py: {error}")
    print(f"{given.to}: {manifest['name']} version {given.version}, {len(model.graph.node)} nodes, {len(heads)} heads")


if __name__ == "__main__":
    main()
