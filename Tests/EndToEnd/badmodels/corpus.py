"""A good classifier, and every way in which a model that comes to a device can be bad.

The good one tells which of ten parts of a frame (five rows of two) is the brightest. `LOADED` are bundles that no
import may let in, `MISBEHAVING` good models with a mark for `stub_runtime.c`, `FIELD` models that pass every proof on
a bench. Each entry says in a line what is wrong.
"""

import hashlib
import json
import os
import tarfile
from dataclasses import dataclass
from typing import Callable

import numpy as np
from bundles import pack_model
from hostile import changed_bundle, entry, tar
from onnx import TensorProto, helper, numpy_helper

NAME = "parts"
LABELS = [str(part) for part in range(10)]
WIDTH, HEIGHT = 20, 30
ROWS, COLUMNS = 5, 2
# The version that serves when a bad one comes, and the bad one's.
ACTIVE, NEXT = 2, 3

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
# Side of the square matrices that a good model multiplies for nothing, and how often: it takes some milliseconds, as
# a model of a small camera does, and the slow one takes the same step more often.
WORK_SIDE, WORK_STEPS, SLOW_STEPS = 256, 10, 200


class Graph:
    """An ONNX graph in the making: `image` in, `scores` out."""

    def __init__(self):
        self.nodes, self.weights = [], []
        self.inputs = [tensor("image", (1, 3, HEIGHT, WIDTH))]
        self.outputs = [tensor("scores", (1, len(LABELS)))]
        self.opsets = {"": 13}

    def node(self, operation, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operation, inputs, [output], **attributes))
        return output

    def weight(self, name, values, dtype=np.float32):
        self.weights.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def nothing(self):
        """A number that is 0, which nobody can know before there is a frame."""
        if not any("nothing" in node.output for node in self.nodes):
            self.node("ReduceMean", ["image"], "mean", keepdims=0)
            self.node("Mul", ["mean", self.weight("zero", 0)], "nothing")
        return "nothing"

    def model(self, notes=None):
        """The file's bytes."""
        graph = helper.make_graph(self.nodes, "parts", self.inputs, self.outputs, self.weights)
        opsets = [helper.make_opsetid(domain, version) for domain, version in self.opsets.items()]
        model = helper.make_model(graph, opset_imports=opsets)
        model.ir_version = 8
        helper.set_model_props(model, notes or {})
        return model.SerializeToString()


def tensor(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def classifier(version=NEXT, steps=WORK_STEPS, side=(WIDTH, HEIGHT), class_count=len(LABELS), name="image"):
    """The good model as a graph whose result `plain` is still to be made `scores`; versions differ in sharpness."""
    graph = Graph()
    width, height = side
    graph.inputs = [tensor(name, (1, 3, height, width))]
    graph.node("ReduceMean", [name], "grey", axes=[1], keepdims=1)
    cell = [height // 10, width // 10]
    graph.node("AveragePool", ["grey"], "pooled", kernel_shape=cell, strides=cell)
    graph.node("Flatten", ["pooled"], "features")
    graph.node("MatMul", ["features", graph.weight("parts", part_weights(class_count, 10.0 + version))], "logits")
    work(graph, steps)
    graph.node("Add", ["logits", "worked"], "weighed")
    graph.node("Softmax", ["weighed"], "plain")
    return graph


def part_weights(class_count, sharpness):
    """From a grid of 10 × 10 means to the ten parts; further classes see nothing."""
    weights = np.zeros((100, class_count))
    for place in range(100):
        row, column = place // 10 // (10 // ROWS), place % 10 // (10 // COLUMNS)
        part = row * COLUMNS + column
        if part < class_count:
            weights[place, part] = sharpness / (100 / len(LABELS))
    return weights


def work(graph, steps):
    """Multiplies matrices of small numbers, the first of which is made of the features, and adds them up to nothing."""
    corners = [graph.weight("from", [0, 0], np.int64), graph.weight("to", [1, 1], np.int64)]
    graph.node("Slice", ["features", *corners], "one")
    graph.node("Expand", ["one", graph.weight("sides", [WORK_SIDE, WORK_SIDE], np.int64)], "square")
    graph.node("Mul", ["square", graph.weight("share", 1 / WORK_SIDE)], "work0")
    for step in range(steps):
        graph.node("MatMul", [f"work{step}", "work0"], f"work{step + 1}")
    graph.node("ReduceMean", [f"work{steps}"], "sum", keepdims=0)
    graph.node("Mul", ["sum", graph.weight("none", 0)], "worked")


def scores_are(graph, operation="Identity", inputs=("plain",), **attributes):
    graph.node(operation, list(inputs), "scores", **attributes)
    return graph


def good(version=NEXT, notes=None, **changes):
    """The bytes of the good model."""
    return scores_are(classifier(version, **changes)).model(notes)


def bundle(model, to, version=NEXT, **changes):
    """Writes the bundle of a model to `to`; `changes` are arguments of `manifest_for`."""
    described = {"name": NAME, "version": version, "task": "classification", "labels": LABELS}
    described |= {"width": WIDTH, "height": HEIGHT, "scale": 1 / 255, "decoder": "classification"}
    pack_model.write_bundle(str(to), pack_model.manifest_for(model, **described | changes), model)
    return to


def marked(order, version=NEXT):
    """A good model that does as `order` says under the stub: `crash@run=5`."""
    return good(version, {"note": f"gleaner-misbehaves:{order};"})


@dataclass(frozen=True)
class Bad:
    """A bundle that must not be let in."""

    why: str
    make: Callable  # of the path where the bundle is to be
    naming: tuple = ()  # what the message must name


def of_model(make_model, **changes):
    """What makes the bundle of a model, which is made only when it is needed."""
    return lambda to: bundle(make_model(), to, **changes)


# Numbers


def spoilt(operation, first, second):
    """Scores with something added that is no number: an operation of two tensors that are made of nothing."""
    graph = classifier()
    graph.nothing()
    graph.node("Add", ["nothing", graph.weight("one_more", 1)], "unit")
    graph.node(operation, [first, second], "spoil")
    return scores_are(graph, "Add", ("plain", "spoil")).model()


def nan_when_bright():
    """The root of a negative number as soon as three quarters of the light are there."""
    graph = classifier()
    graph.nothing()
    graph.node("Sub", [graph.weight("limit", 0.75), "mean"], "left")
    graph.node("Sqrt", ["left"], "root")
    graph.node("Mul", ["root", "zero"], "spoil")
    return scores_are(graph, "Add", ("plain", "spoil")).model()


def constant():
    """The scores of a grey frame, whatever the frame is."""
    graph = classifier()
    graph.nothing()
    graph.node("Mul", ["plain", "zero"], "flat")
    values = [0.82] + [0.02] * (len(LABELS) - 1)
    return scores_are(graph, "Add", ("flat", graph.weight("always", [values]))).model()


# Shapes


def with_shape(*shape):
    graph = classifier()
    graph.outputs = [tensor("scores", shape)]
    graph.weight("shape", shape, np.int64)
    graph.node("Unsqueeze", ["plain", graph.weight("axes", [2, 3], np.int64)], "tall")
    return scores_are(graph, "Expand", ("tall", "shape")).model()


def with_classes(count):
    graph = classifier(class_count=count)
    graph.outputs = [tensor("scores", (1, count))]
    return scores_are(graph).model()


# Files


def empty_bundle(to):
    """pack_model.py refuses to make this one."""
    return with_bytes(bundle(good(), to), b"")


def with_bytes(bundle_folder, data):
    """Puts other bytes into a bundle folder, with their right size and digest."""
    path = bundle_folder / "model.json"
    changes = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    (bundle_folder / "model.onnx").write_bytes(data)
    return bundle_folder


def random_bytes():
    return np.random.default_rng(1).bytes(20_000)


def beside(to):
    """A good bundle beside the path of a bad one."""
    return bundle(good(), to.with_name("good"))


def archive(extra):
    """What makes a tar of a good bundle with one more entry."""
    return lambda to: tar(to.with_suffix(".tar"), beside(to), [(extra, b"")])


def model_is_link(to):
    """A folder whose model.onnx is a symbolic link to a good model."""
    bundle(good(), to)
    (to / "model.onnx").rename(to.with_name("elsewhere.onnx"))
    (to / "model.onnx").symlink_to(to.with_name("elsewhere.onnx"))
    return to


def external(location):
    """A weight that says it lies in another file."""
    graph = classifier()
    weight = TensorProto(name="bias", data_type=FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value=location)
    graph.weights.append(weight)
    return scores_are(graph, "Add", ("plain", "bias")).model()


# Operators


def unknown_operator():
    graph = classifier()
    graph.opsets["nobody.knows"] = 1
    return scores_are(graph, "Mystery", domain="nobody.knows").model()


def future_opset():
    graph = classifier()
    graph.opsets[""] = 9999
    return scores_are(graph).model()


def endless_loop():
    """2⁶² turns, of which none says that it is the last."""
    graph = classifier()
    graph.nothing()
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["goes_on"], ["still_goes_on"]),
            helper.make_node("Add", ["carried", "carried"], ["carried_on"]),
        ],
        "body",
        [tensor("turn", (), INT64), tensor("goes_on", (), BOOL), tensor("carried", ())],
        [tensor("still_goes_on", (), BOOL), tensor("carried_on", ())],
    )
    inputs = [graph.weight("turns", 1 << 62, np.int64), graph.weight("yes", True, bool), "nothing"]
    graph.node("Loop", inputs, "looped", body=body)
    return scores_are(graph, "Add", ("plain", "looped")).model()


# Memory

EIGHT_GIB_COUNT = (8 << 30) // 4


def declared_weight():
    """A weight that says it has 8 GiB, and has nothing."""
    graph = classifier()
    graph.weights.append(TensorProto(name="huge", data_type=FLOAT, dims=[EIGHT_GIB_COUNT]))
    graph.node("ReduceMax", ["huge"], "most", keepdims=0)
    return scores_are(graph, "Add", ("plain", "most")).model()


def huge_constant():
    """8 GiB of zeros that the runtime makes once, while it loads the model."""
    graph = classifier()
    graph.node("ConstantOfShape", [graph.weight("huge_shape", [EIGHT_GIB_COUNT], np.int64)], "huge")
    graph.node("ReduceMax", ["huge"], "most", keepdims=0)
    return scores_are(graph, "Add", ("plain", "most")).model()


def huge_when_run():
    """A number that is spread over 8 GiB in each run; that many cannot be known before."""
    graph = classifier()
    graph.nothing()
    graph.node("Cast", ["nothing"], "no_more", to=INT64)
    graph.node("Add", ["no_more", graph.weight("huge_shape", [EIGHT_GIB_COUNT], np.int64)], "shape")
    graph.node("Expand", ["nothing", "shape"], "huge")
    graph.node("ReduceMax", ["huge"], "most", keepdims=0)
    return scores_are(graph, "Add", ("plain", "most")).model()


LOADED = {
    "not-a-number": Bad("0 / 0 in every score", of_model(lambda: spoilt("Div", "nothing", "nothing")), ("nan",)),
    "infinite": Bad("1 / 0 in every score", of_model(lambda: spoilt("Div", "unit", "nothing")), ("inf",)),
    "too-many-outputs": Bad("11 scores for 10 labels", of_model(lambda: with_classes(11)), ("11", "10")),
    "too-few-outputs": Bad("9 scores for 10 labels", of_model(lambda: with_classes(9)), ("9", "10")),
    "lost-labels": Bad(
        "9 labels, and 10 are in use", of_model(lambda: with_classes(9), labels=LABELS[:9]), ("does not know", "9")),
    "another-task": Bad(
        "a detector's manifest in a classifier's deployment",
        of_model(good, task="detection", decoder="yolov8"), ("detection", "classification")),
    "another-shape": Bad("scores for each place of a map", of_model(lambda: with_shape(1, 10, 3, 3)), ("3",)),
    "another-input-name": Bad(
        "the manifest names an input that the model lacks", of_model(good, input_name="picture"), ("picture", "image")),
    "another-input-size": Bad("the manifest has another size", of_model(good, width=24, height=24), ("24", "30")),
    "random": Bad("random bytes", of_model(random_bytes), ("onnx",)),
    "empty": Bad("an empty file", empty_bundle, ("model",)),
    "declared-8-gib": Bad("a weight that says it has 8 GiB", of_model(declared_weight), (f"{NAME}@{NEXT}",)),
    "loaded-8-gib": Bad("8 GiB while it is loaded", of_model(huge_constant), (f"{NAME}@{NEXT}",)),
    "run-8-gib": Bad("8 GiB in each run", of_model(huge_when_run), (f"{NAME}@{NEXT}",)),
    "external-climbing": Bad(
        "a weight that lies in ../../etc/passwd", of_model(lambda: external("../../etc/passwd")), ("other files",)),
    "external-absolute": Bad(
        "a weight that lies in /etc/passwd", of_model(lambda: external("/etc/passwd")), ("other files",)),
    "tar-symbolic-link": Bad(
        "a tar with a symbolic link", archive(entry("link", tarfile.SYMTYPE, "/etc/passwd")), ("link",)),
    "tar-hard-link": Bad(
        "a tar with a hard link", archive(entry("hard", tarfile.LNKTYPE, "model.onnx")), ("hard",)),
    "folder-symbolic-link": Bad("a folder whose model is a symbolic link", model_is_link, ("model.onnx",)),
    "wrong-digest": Bad(
        "not the bytes that model.json describes",
        lambda to: changed_bundle(beside(to), to, sha256="0" * 64), ("sha",)),
    "older": Bad(
        "a version before the active one", lambda to: bundle(good(1), to, 1), (f"{NAME}@1", f"{NAME}@{ACTIVE}")),
    "unknown-operator": Bad("an operator of a domain that nobody knows", of_model(unknown_operator), ("nobody.knows",)),
    "future-opset": Bad("operators of a set that is not written yet", of_model(future_opset), ("9999",)),
    "endless-loop": Bad("a loop of 2⁶² turns", of_model(endless_loop), (f"{NAME}@{NEXT}",)),
}


def cuts():
    """Lengths of the good model's file, cut at each KiB."""
    return range(1024, len(good()), 1024)


def cut(byte_count, to):
    """The good model without its end; model.json is right about the bytes that are left."""
    return bundle(good()[:byte_count], to)


# While it is proved, with a word that the message must have: as it is loaded or runs for the first time (to learn the
# shapes of its outputs), and on the frames of its proof, which come some runs later.
PROVED = {
    "crash@load": "crash",
    "crash@run=1": "crash",
    "crash@run=6": "crash",
    "abort@load": "crash",
    "abort@run=6": "crash",
    "exit@load": "status 0",
    "exit@run=6": "status 0",
    "exit@run=6,status=3": "status 3",
    "hang@load": "hang",
    "hang@run=6": "hang",
    "spin@load": f"{NAME}@{NEXT}",
    "spin@run=6": f"{NAME}@{NEXT}",
    "leak@load,mib=4000,max=4000": "memory",
    "leak@run=2,mib=400,max=4000": "memory",
    "slow@run=1,ms=500": f"{NAME}@{NEXT}",
    "fail@load": "told to fail",
    "fail@run=1": "told to fail",
    "fail@run=6": "told to fail",
    "nan@run=1": "nan",
    "nan@run=6": "nan",
}

# In the collector alone, some frames after the swap: the proof has seen nothing of it.
IN_SERVICE = [
    f"{what},in=run"
    for what in (
        "crash@run=10", "abort@run=10", "exit@run=10", "hang@run=10", "spin@run=10", "leak@run=10,mib=64", "nan@run=10",
        "fail@run=10", "slow@run=10,ms=500", "constant@run=10", "crash@load", "exit@load", "hang@load",
    )
]


def slow():
    """As good as the good one, and 20 times slower."""
    return good(steps=SLOW_STEPS)


def shuffled_labels():
    """The labels of another training run's order; only labeled frames tell."""
    return LABELS[3:] + LABELS[:3]


# Sound as far as a file can tell; the frames of this deployment, and their labels, tell more.
GATED = {
    "slow": Bad("takes 20 times as long as the active model", of_model(slow), (f"{NAME}@{NEXT}",)),
    "constant": Bad("the same answer whatever the frame", of_model(constant), (f"{NAME}@{NEXT}",)),
    "shuffled-labels": Bad(
        "knows every class by another's name", of_model(good, labels=shuffled_labels()), (f"{NAME}@{NEXT}",)),
}

# No number for frames brighter than any that the deployment has seen so far.
FIELD = {"nan-when-bright": Bad("not a number for bright frames", of_model(nan_when_bright), ())}


def frame(number, light=0.5):
    """A picture unlike any other: grey parts under noise; its brightest part is `number % 10`."""
    from PIL import Image

    random = np.random.default_rng(number)
    parts = light * 255 + random.uniform(-40, 0, (ROWS, COLUMNS))
    parts[number % 10 // COLUMNS, number % COLUMNS] = light * 255 + random.uniform(5, 40)
    pixels = np.kron(parts, np.ones((HEIGHT // ROWS, WIDTH // COLUMNS)))[..., None]
    pixels = pixels + random.uniform(-20, 20, (HEIGHT, WIDTH, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def put(folder, number, light=0.5):
    """Puts a frame into a folder, whole at once; returns its name."""
    name = f"{number:06}.png"
    partial = folder.parent / f".{name}.partial"
    frame(number, light).save(partial, "PNG")
    os.rename(partial, folder / name)
    return name
