"""Writes onnx/*.onnx: the tiny models that the tests load.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install onnx
    /tmp/venv/bin/python Tests/Fixtures/make_onnx_fixtures.py
"""

import pathlib

from onnx import TensorProto, helper

FLOAT = TensorProto.FLOAT
FOLDER = pathlib.Path(__file__).parent / "onnx"
IR_VERSION = 8  # what ONNX Runtime 1.12 reads


def tensor(name, shape, type=FLOAT):
    return helper.make_tensor_value_info(name, type, shape)


def save(name, nodes, inputs, outputs, weights=(), notes=None, opsets=(("", 13),)):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(*opset) for opset in opsets])
    model.ir_version = IR_VERSION
    helper.set_model_props(model, notes or {})
    (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString())


def external(name):
    """A weight that says it lies in secret.bin."""
    weight = TensorProto(name=name, data_type=FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="secret.bin")
    return weight


PICTURE = tensor("image", [1, 3, 2, 2])
SAME = tensor("out", [1, 3, 2, 2])
one = helper.make_node

save("relu", [one("Relu", ["image"], ["out"])], [PICTURE], [SAME])
save("sqrt", [one("Sqrt", ["image"], ["out"])], [PICTURE], [SAME])
save(
    "softmax",
    [one("Flatten", ["image"], ["flat"]), one("Softmax", ["flat"], ["out"])],
    [tensor("image", ["batch", 2, 2, 3])],
    [tensor("out", ["batch", 12])],
    notes={"names": "{0: 'zero'}", "task": "classify"},
)
save(
    "uint8",
    [one("Flatten", ["image"], ["out"])],
    [tensor("image", [None, 1, 2, 3], TensorProto.UINT8)],
    [tensor("out", [None, 6], TensorProto.UINT8)],
)
save(
    "two_outputs",
    [one("Relu", ["image"], ["positive"]), one("Neg", ["image"], ["negative"])],
    [PICTURE],
    [tensor("positive", [1, 3, 2, 2]), tensor("negative", [1, 3, 2, 2])],
)
save("two_inputs", [one("Add", ["image", "other"], ["out"])], [PICTURE, tensor("other", [1, 3, 2, 2])], [SAME])
# As many columns as the picture has values that are not zero.
save("varying", [one("NonZero", ["image"], ["out"])], [PICTURE], [tensor("out", [4, None], TensorProto.INT64)])
save(
    "half",
    [one("Cast", ["image"], ["out"], to=TensorProto.FLOAT16)],
    [PICTURE],
    [tensor("out", [1, 3, 2, 2], TensorProto.FLOAT16)],
)
save(
    "half_both",
    [one("Relu", ["image"], ["out"])],
    [tensor("image", [1, 3, 2, 2], TensorProto.FLOAT16)],
    [tensor("out", [1, 3, 2, 2], TensorProto.FLOAT16)],
)
save(
    "double",
    [one("Cast", ["image"], ["out"], to=TensorProto.DOUBLE)],
    [PICTURE],
    [tensor("out", [1, 3, 2, 2], TensorProto.DOUBLE)],
)
save(
    "sequence",
    [one("SequenceConstruct", ["image"], ["out"])],
    [PICTURE],
    [helper.make_tensor_sequence_value_info("out", FLOAT, None)],
)
save(
    "unknown_operator",
    [one("Mystery", ["image"], ["out"], domain="nobody.knows")],
    [PICTURE],
    [SAME],
    opsets=(("", 13), ("nobody.knows", 1)),
)
save("future_opset", [one("Relu", ["image"], ["out"])], [PICTURE], [SAME], opsets=(("", 9999),))
save("external", [one("Add", ["image", "w"], ["out"])], [PICTURE], [SAME], [external("w")])

# The same weight, hidden in a branch: the attribute of a node of a graph in an attribute of a node.
branch = helper.make_graph(
    [one("Constant", [], ["w"], value=external("w")), one("Identity", ["w"], ["b"])], "branch", [], [tensor("b", [1])]
)
other = helper.make_graph(
    [one("Constant", [], ["c"], value=helper.make_tensor("c", FLOAT, [1], [0.0]))], "other", [], [tensor("c", [1])]
)
save(
    "external_in_branch",
    [one("If", ["yes"], ["w"], then_branch=branch, else_branch=other), one("Add", ["image", "w"], ["out"])],
    [PICTURE],
    [SAME],
    [helper.make_tensor("yes", TensorProto.BOOL, [], [True])],
)

# Adds up 64 Mi zeros, which takes 256 MiB, and says what `softmax` says.
save(
    "hungry",
    [
        one("Flatten", ["image"], ["flat"]),
        one("ConstantOfShape", ["count"], ["zeros"]),
        one("ReduceSum", ["zeros"], ["zero"], keepdims=0),
        one("Add", ["flat", "zero"], ["sum"]),
        one("Softmax", ["sum"], ["out"]),
    ],
    [PICTURE],
    [tensor("out", [1, 12])],
    [helper.make_tensor("count", TensorProto.INT64, [1], [64 << 20])],
)

# A convolution, its activation, and a fully connected head. Every weight is small and of another value.
def weight(name, *shape):
    count = 1
    for side in shape:
        count *= side
    return helper.make_tensor(name, FLOAT, shape, [((7 * at) % 11 - 5) / 10 for at in range(count)])


HALVED = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]}
SAME_SIZE = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
save(
    "classifier",
    [
        one("Conv", ["image", "conv"], ["raw"], **HALVED),
        one("Relu", ["raw"], ["map"]),
        one("Flatten", ["map"], ["features"]),
        one("Gemm", ["features", "head"], ["logits"]),
        one("Softmax", ["logits"], ["out"]),
    ],
    [tensor("image", [1, 3, 4, 4])],
    [tensor("out", [1, 3])],
    [weight("conv", 2, 3, 3, 3), weight("head", 8, 3)],
)
# Two shrinking layers, one that widens again, and a head whose output nobody reads.
save(
    "detector",
    [
        one("Conv", ["image", "first"], ["a"], **HALVED),
        one("Relu", ["a"], ["shallow"]),
        one("MaxPool", ["shallow"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        one("Conv", ["pooled", "second"], ["b"], **SAME_SIZE),
        one("LeakyRelu", ["b"], ["deep"]),
        one("Resize", ["deep", "", "scales"], ["resized"], mode="nearest"),
        one("Conv", ["resized", "third"], ["c"], **SAME_SIZE),
        one("Relu", ["c"], ["wide"]),
        one("Conv", ["wide", "fourth"], ["out"], **SAME_SIZE),
    ],
    [tensor("image", [1, 3, 8, 8])],
    [tensor("out", [1, 6, 4, 4])],
    [
        weight("first", 2, 3, 3, 3), weight("second", 2, 2, 3, 3), weight("third", 2, 2, 3, 3),
        weight("fourth", 6, 2, 3, 3), helper.make_tensor("scales", FLOAT, [4], [1.0, 1.0, 2.0, 2.0]),
    ],
)
