#!/usr/bin/env python3
"""Make a Gleaner model bundle of a Caffe model: its deploy .prototxt and its .caffemodel.

Needs the packages numpy and onnx; neither Caffe nor OpenCV. What the pixels must be is not in Caffe's files: most
Caffe networks take BGR, and this script assumes so; the rest (`--scale`, `--mean`, `--std`) is in the code that was
used with the model.

  UltraFace RFB-320, whose boxes are offsets from priors:
    caffe.py RFB-320.prototxt RFB-320.caffemodel --to ultraface.tar --task detection --labels face \\
      --color RGB --mean 127 --std 128 --decoder ssd-priors --decoder-option 'strides=[8,16,32,64]' \\
      --decoder-option 'sizes=[[10,16,24],[32,48],[64,96],[128,192,256]]' --decoder-option score_min=0.7 \\
      --decoder-option nms_iou=0.3

  A classifier whose last layer is a softmax:
    caffe.py deploy.prototxt fruit.caffemodel --to fruit-2 --version 2 --labels fruit.txt --mean 104,117,123
"""

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

# Only what this script needs: its own folder has files that are named as frameworks are.
sys.path[0] = str(Path(__file__).resolve().parents[1] / "retrain")

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import pack_model  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

# Old enough for ONNX Runtime 1.12.
OPSET, IR_VERSION = 13, 8


class ConversionError(Exception):
    """The model cannot be converted; the message says which layer is in the way, and what to do."""


class Message:
    """A block of a prototxt: each key has a list of numbers, texts and blocks."""

    def __init__(self):
        self.fields = {}

    def add(self, key, value):
        self.fields.setdefault(key, []).append(value)

    def all(self, key):
        return self.fields.get(key, [])

    def one(self, key, default=None):
        return self.fields.get(key, [default])[-1]

    def block(self, key):
        return self.one(key) or Message()


TOKEN = re.compile(
    r'\s+|#[^\n]*|(?P<text>"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')|(?P<word>[-+.\w]+)|(?P<mark>[{}:;,<>\[\]])'
)


def read_prototxt(path):
    """The text form of protocol buffers, as far as Caffe's networks use it."""
    text, place, tokens = Path(path).read_text(encoding="utf-8"), 0, []
    while place < len(text):
        match = TOKEN.match(text, place)
        if not match:
            line = text.count("\n", 0, place) + 1
            raise ConversionError(f"{path}, line {line}: {text[place : place + 20]!r} does not belong into a prototxt")
        if match.lastgroup:
            tokens.append(match[0])
        place = match.end()
    return _block(iter(tokens), path, is_outermost=True)


def _block(tokens, path, is_outermost=False):
    message = Message()
    for key in tokens:
        if key in "}>":
            return message
        if key in ",;":
            continue
        value = next(tokens, None)
        if value == ":":
            value = next(tokens, None)
        if value is None:
            raise ConversionError(f"{path} ends after '{key}': is it whole?")
        if value in "{<":
            message.add(key, _block(tokens, path))
        elif value == "[":
            for item in iter(lambda: next(tokens, "]"), "]"):
                if item != ",":
                    message.add(key, _value(item))
        else:
            message.add(key, _value(value))
    if not is_outermost:
        raise ConversionError(f"{path} ends inside a block: is it whole?")
    return message


def _value(token):
    if token[0] in "\"'":
        return token[1:-1]
    for kind in (int, float):
        try:
            return kind(token)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(token, token)


def _fields(data, path):
    """The fields of a binary message: number and value, which is an integer or bytes."""
    place = 0

    def varint():
        nonlocal place
        value = shift = 0
        while True:
            if place >= len(data) or shift > 63:
                raise ConversionError(f"{path} is damaged, or no caffemodel")
            byte = data[place]
            place, value, shift = place + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while place < len(data):
        tag = varint()
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            yield number, varint()
            continue
        if kind not in (1, 2, 5):
            raise ConversionError(f"{path} is damaged, or no caffemodel")
        length = {1: 8, 5: 4}.get(kind) or varint()
        if place + length > len(data):
            raise ConversionError(f"{path} ends too early: is it wholly copied?")
        yield number, data[place : place + length]
        place += length


def read_weights(path):
    """The arrays of each layer of a .caffemodel, by the layer's name."""
    found, old = {}, 0
    for number, layer in _fields(memoryview(Path(path).read_bytes()), path):
        old += number == 2
        if number == 100:
            fields = list(_fields(layer, path))
            name = next((bytes(value).decode() for key, value in fields if key == 1), "")
            found[name] = [_array(value, path) for key, value in fields if key == 7]
    if not found:
        remedy = "bring it to the new form with Caffe's upgrade_net_proto_binary" if old else "is it a caffemodel?"
        raise ConversionError(f"{path} has no layers{' but those of an old form' if old else ''}: {remedy}")
    return found


def _array(blob, path):
    shape, legacy, parts = [], {}, []
    for number, value in _fields(blob, path):
        if number in (1, 2, 3, 4):
            legacy[number] = value
        elif number == 5:
            parts.append(np.frombuffer(value, "<f4"))
        elif number == 7:
            shape = [size for _, packed in _fields(value, path) for size in _sizes(packed)]
    values = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    shape = shape or [legacy.get(number, 1) for number in (1, 2, 3, 4)]
    if int(np.prod(shape)) != len(values):
        raise ConversionError(f"{path} has an array of {len(values):,} numbers for the shape {shape}: is it whole?")
    return values.reshape(shape)


def _sizes(value):
    """The sizes of a shape, packed or one by one."""
    if isinstance(value, int):
        return [value]
    sizes, current, shift = [], 0, 0
    for byte in value:
        current, shift = current | (byte & 127) << shift, shift + 7
        if byte < 128:
            sizes.append(current)
            current = shift = 0
    return sizes


class Layer:
    """A layer of the network, with its arrays."""

    def __init__(self, message, arrays):
        self.message, self.arrays = message, arrays
        self.name, self.kind = message.one("name", ""), message.one("type", "")
        self.bottoms, self.tops = message.all("bottom"), message.all("top")

    def __str__(self):
        return f"layer '{self.name}' ({self.kind})"

    def options(self, key):
        return self.message.block(key)

    def array(self, index, what):
        if index >= len(self.arrays):
            raise ConversionError(f"{self} has no {what} in the caffemodel: do the two files belong together?")
        return self.arrays[index]

    def refuse(self, options, *keys):
        for key in keys:
            if options.all(key):
                raise ConversionError(f"{self} has '{key}', which this script does not know how to convert")


class Graph:
    """Builds the ONNX graph; a layer may write into the blob that it reads, which ONNX does not know."""

    def __init__(self, layers):
        self.nodes, self.constants, self.inputs = [], [], []
        self.tensors, self.read, self.written = {}, set(), Counter()
        self.writers = Counter(top for layer in layers for top in layer.tops)

    def take(self, layer, count=1):
        if count and len(layer.bottoms) != count:
            raise ConversionError(f"{layer} has {len(layer.bottoms)} inputs, not {count}")
        for bottom in layer.bottoms:
            if bottom not in self.tensors:
                raise ConversionError(f"{layer} reads '{bottom}', which no layer before it writes")
        self.read.update(self.tensors[bottom] for bottom in layer.bottoms)
        return [self.tensors[bottom] for bottom in layer.bottoms]

    def output(self, blob):
        """A name for what is written into a blob: the last writer gets the blob's own."""
        self.written[blob] += 1
        is_last = self.written[blob] >= self.writers[blob]
        self.tensors[blob] = blob if is_last else f"{blob}/{self.written[blob]}"
        return self.tensors[blob]

    def node(self, layer, kind, inputs, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [self.output(layer.tops[0])], name=layer.name, **attributes))

    def constant(self, name, values, dtype=np.float32):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype), name))
        return name

    def add_input(self, name, shape):
        if len(shape) != 4:
            raise ConversionError(f"the input '{name}' has {len(shape)} sizes: a picture has four (N, C, H, W)")
        self.inputs.append((self.output(name), [1, *shape[1:]]))

    def add(self, layer):
        if layer.kind not in LAYERS:
            known = ", ".join(sorted(LAYERS))
            raise ConversionError(f"{layer}: this script does not know that kind of layer; it knows {known}")
        LAYERS[layer.kind](self, layer)

    def model(self):
        if len(self.inputs) != 1:
            raise ConversionError(f"the network has {len(self.inputs)} inputs: Gleaner gives it one, the frame")
        results = [tensor for tensor in self.tensors.values() if tensor not in self.read]
        graph = helper.make_graph(
            self.nodes,
            "caffe",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in self.inputs],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        onnx.checker.check_model(model, full_check=True)
        return model


def input_layer(graph, layer):
    for top in layer.tops:
        graph.add_input(top, layer.options("input_param").block("shape").all("dim"))


def convolution(graph, layer):
    options = layer.options("convolution_param")
    weights = layer.array(0, "weights")
    height, width = _pair(options, "kernel_size", "kernel", 0)
    pads = _pair(options, "pad", "pad", 0)
    inputs = graph.take(layer) + [graph.constant(f"{layer.name}.weights", weights)]
    if options.one("bias_term", True):
        inputs.append(graph.constant(f"{layer.name}.bias", layer.array(1, "bias").ravel()))
    if weights.shape[2:] != (height, width):
        raise ConversionError(
            f"{layer} is {height}x{width}, its weights are {weights.shape}: are the files of one model?"
        )
    graph.node(
        layer,
        "Conv",
        inputs,
        kernel_shape=[height, width],
        strides=_pair(options, "stride", "stride", 1),
        pads=pads * 2,
        dilations=_pair(options, "dilation", "dilation", 1),
        group=options.one("group", 1),
    )


def _pair(options, key, prefix, default):
    """Height and width of a size, which Caffe has as one number, as two, or under two keys."""
    both = options.all(key) or [default]
    return [options.one(f"{prefix}_h", both[0]), options.one(f"{prefix}_w", both[-1])]


def relu(graph, layer):
    slope = layer.options("relu_param").one("negative_slope", 0)
    if slope:
        graph.node(layer, "LeakyRelu", graph.take(layer), alpha=float(slope))
    else:
        graph.node(layer, "Relu", graph.take(layer))


def batch_norm(graph, layer):
    mean, variance = layer.array(0, "mean"), layer.array(1, "variance")
    # Both are sums over training; the third array says by how much too large.
    factor = float(layer.array(2, "factor").ravel()[0])
    factor = 1 / factor if factor else 0
    count = mean.size
    values = [np.ones(count), np.zeros(count), mean.ravel() * factor, variance.ravel() * factor]
    names = ("ones", "zeros", "mean", "variance")
    constants = [graph.constant(f"{layer.name}.{name}", value) for name, value in zip(names, values)]
    epsilon = layer.options("batch_norm_param").one("eps", 1e-5)
    graph.node(layer, "BatchNormalization", graph.take(layer) + constants, epsilon=float(epsilon))


def scale(graph, layer):
    """A factor and maybe a summand for each channel."""
    options = layer.options("scale_param")
    layer.refuse(options, "axis", "num_axes")
    factor = layer.array(0, "factors")
    summand = layer.array(1, "summands") if options.one("bias_term", False) else np.zeros(factor.size)
    values = {"factors": factor, "zeros": np.zeros(factor.size), "ones": np.ones(factor.size), "summands": summand}
    (before,) = graph.take(layer)
    # A normalisation that subtracts 0 and divides by 1 does it in one node.
    order = [
        graph.constant(f"{layer.name}.{name}", values[name].ravel())
        for name in ("factors", "summands", "zeros", "ones")
    ]
    graph.node(layer, "BatchNormalization", [before, *order], epsilon=0.0)


def pooling(graph, layer):
    options = layer.options("pooling_param")
    kind = {"MAX": "MaxPool", 0: "MaxPool", "AVE": "AveragePool", 1: "AveragePool"}.get(options.one("pool", "MAX"))
    if not kind:
        raise ConversionError(f"{layer}: this script knows the pools MAX and AVE, not {options.one('pool')}")
    if options.one("global_pooling", False):
        graph.node(layer, f"Global{kind}", graph.take(layer))
        return
    pads = _pair(options, "pad", "pad", 0)
    if kind == "AveragePool" and any(pads):
        raise ConversionError(f"{layer} averages over its padding, which this script does not know how to convert")
    # Caffe rounds the size of the result up.
    rounding = {"FLOOR": 0, 1: 0}.get(options.one("round_mode", "CEIL"), 1)
    kernel, strides = _pair(options, "kernel_size", "kernel", 1), _pair(options, "stride", "stride", 1)
    graph.node(layer, kind, graph.take(layer), kernel_shape=kernel, strides=strides, pads=pads * 2, ceil_mode=rounding)


def inner_product(graph, layer):
    options = layer.options("inner_product_param")
    layer.refuse(options, "axis", "transpose")
    weights, (before,) = layer.array(0, "weights"), graph.take(layer)
    # Old files have the matrix as [1, 1, outputs, inputs].
    inputs = [f"{layer.name}.flat", graph.constant(f"{layer.name}.weights", weights.reshape(weights.shape[-2:]))]
    if options.one("bias_term", True):
        inputs.append(graph.constant(f"{layer.name}.bias", layer.array(1, "bias").ravel()))
    graph.nodes.append(helper.make_node("Flatten", [before], [inputs[0]], name=inputs[0]))
    graph.node(layer, "Gemm", inputs, transB=1)


def flatten(graph, layer):
    layer.refuse(layer.options("flatten_param"), "end_axis")
    graph.node(layer, "Flatten", graph.take(layer), axis=layer.options("flatten_param").one("axis", 1))


def permute(graph, layer):
    graph.node(layer, "Transpose", graph.take(layer), perm=layer.options("permute_param").all("order"))


def reshape(graph, layer):
    options = layer.options("reshape_param")
    layer.refuse(options, "axis", "num_axes")
    shape = graph.constant(f"{layer.name}.shape", options.block("shape").all("dim"), np.int64)
    graph.node(layer, "Reshape", [*graph.take(layer), shape])


def concat(graph, layer):
    options = layer.options("concat_param")
    graph.node(layer, "Concat", graph.take(layer, 0), axis=options.one("axis", options.one("concat_dim", 1)))


def eltwise(graph, layer):
    options = layer.options("eltwise_param")
    kinds = {"SUM": "Sum", 1: "Sum", "MAX": "Max", 2: "Max"}
    operation = options.one("operation", "SUM")
    if operation not in kinds or any(factor != 1 for factor in options.all("coeff")):
        raise ConversionError(f"{layer}: this script knows plain sums and maxima only")
    graph.node(layer, kinds[operation], graph.take(layer, 0))


def softmax(graph, layer):
    graph.node(layer, "Softmax", graph.take(layer), axis=layer.options("softmax_param").one("axis", 1))


def dropout(graph, layer):
    graph.node(layer, "Identity", graph.take(layer))


LAYERS = {
    "Input": input_layer,
    "Convolution": convolution,
    "ReLU": relu,
    "BatchNorm": batch_norm,
    "Scale": scale,
    "Pooling": pooling,
    "InnerProduct": inner_product,
    "Flatten": flatten,
    "Permute": permute,
    "Reshape": reshape,
    "Concat": concat,
    "Eltwise": eltwise,
    "Softmax": softmax,
    "Dropout": dropout,
}


def convert(prototxt, caffemodel):
    """The ONNX model of a network with its weights."""
    network, weights = read_prototxt(prototxt), read_weights(caffemodel)
    if network.all("layers") or not network.all("layer"):
        raise ConversionError(
            f"{prototxt} has no 'layer' blocks: an old one is upgraded by Caffe's upgrade_net_proto_text"
        )
    layers = [Layer(each, weights.get(each.one("name"), [])) for each in network.all("layer") if not _trains_only(each)]
    graph = Graph(layers)
    # Before there were Input layers, the network itself named its input.
    for name in network.all("input"):
        graph.add_input(name, network.block("input_shape").all("dim") or network.all("input_dim"))
    for layer in layers:
        graph.add(layer)
    return graph.model()


def _trains_only(layer):
    return any(rule.one("phase") in ("TRAIN", 0) for rule in layer.all("include"))


def name_of(path):
    """A file's name as a model's: small letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9._-]+", "-", Path(path).stem.lower()).strip("-._")[:64]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prototxt", help="the deploy prototxt, not the one for training")
    parser.add_argument("caffemodel")
    parser.add_argument(
        "--to", required=True, metavar="PATH", help="the bundle: a new folder, or a file ending in .tar"
    )
    parser.add_argument("--labels", required=True, help="class names in the model's order: a,b,c or a file of lines")
    parser.add_argument("--name", help="the model's name; all its versions share it (default: the prototxt's)")
    parser.add_argument("--version", default=1, type=int, help="grows with each retraining (default: 1)")
    parser.add_argument("--task", default="classification", choices=pack_model.TASKS)
    parser.add_argument("--color", default="BGR", choices=pack_model.COLORS)
    parser.add_argument("--scale", default=1.0, type=pack_model.parse_number, help="pixels are multiplied by it")
    parser.add_argument("--mean", default=[0.0], type=pack_model.parse_numbers, help="then this is subtracted")
    parser.add_argument("--std", default=[1.0], type=pack_model.parse_numbers, help="then they are divided by it")
    parser.add_argument("--decoder", default="classification", help="what reads the outputs: see `gleaner components`")
    parser.add_argument(
        "--decoder-option", default=[], action="append", type=pack_model.parse_option, metavar="KEY=VALUE"
    )
    parser.add_argument("--licence")
    parser.add_argument("--origin", help="where the model comes from, in words")
    return parser.parse_args()


def main():
    given = parse_arguments()
    try:
        model = convert(given.prototxt, given.caffemodel)
        data = model.SerializeToString(deterministic=True)
        taken = model.graph.input[0]
        _, _, height, width = (size.dim_value for size in taken.type.tensor_type.shape.dim)
        manifest = pack_model.manifest_for(
            data,
            name=given.name or name_of(given.prototxt),
            version=given.version,
            task=given.task,
            labels=pack_model.parse_labels(given.labels),
            width=width,
            height=height,
            input_name=taken.name,
            color=given.color,
            scale=given.scale,
            mean=given.mean,
            std=given.std,
            decoder=given.decoder,
            decoder_options=dict(given.decoder_option),
            licence=given.licence,
            origin=given.origin,
        )
        pack_model.write_bundle(given.to, manifest, data)
    except (ConversionError, pack_model.PackError, onnx.checker.ValidationError, OSError) as error:
        sys.exit(f"caffe.py: {error}")
    outputs = ", ".join(output.name for output in model.graph.output)
    print(f"{given.to}: {manifest['name']} version {given.version}, {len(model.graph.node)} nodes, outputs {outputs}")


if __name__ == "__main__":
    main()
