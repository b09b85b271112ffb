"""ONNX models with known answers: whatever the frame, they find the same two objects, written as a kind of detector does."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

LABELS = ["cat", "dog", "cow"]
# Left, top, right, bottom in a frame of 640 × 480; class; score.
FRAME = (640, 480)
OBJECTS = [((100, 60, 300, 220), 0, 0.9), ((400, 200, 520, 440), 1, 0.6)]
SIZE = 320
STRIDES = (8, 16, 32)
CELLS = [(x, y, stride) for stride in STRIDES for y in range(SIZE // stride) for x in range(SIZE // stride)]
ULTRALYTICS = {"names": "{0: 'cat', 1: 'dog', 2: 'cow'}", "stride": "32", "imgsz": f"[{SIZE}, {SIZE}]", "task": "detect"}


def letterboxed(box):
    """Where a box of the frame lies in the input when the frame is halved and centred in it."""
    left, top, right, bottom = box
    return left / 2, top / 2 + 40, right / 2, bottom / 2 + 40


def stretched(box):
    left, top, right, bottom = box
    return left / 2, top * SIZE / 480, right / 2, bottom * SIZE / 480


def centred(box):
    left, top, right, bottom = box
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def one_hot(label, value, rest=0.0):
    return [value if index == label else rest for index in range(len(LABELS))]


def yolov8(dtype=np.float32):
    out = np.zeros((1, 4 + len(LABELS), len(CELLS)), dtype)
    out[0, 0, :] = [(x + 0.5) * stride for x, _, stride in CELLS]
    out[0, 1, :] = [(y + 0.5) * stride for _, y, stride in CELLS]
    out[0, 2:4, :] = 20
    # The second of two that overlap is the weaker.
    for place, (box, label, score) in [(50, OBJECTS[0]), (51, (*OBJECTS[0][:2], 0.5)), (900, OBJECTS[1])]:
        out[0, :, place] = [*centred(letterboxed(box)), *one_hot(label, score)]
    return {"output0": out}


def yolov5():
    out = np.zeros((1, 3 * len(CELLS), 5 + len(LABELS)), np.float32)
    out[0, :, 0] = [(x + 0.5) * stride for x, _, stride in CELLS for _ in range(3)]
    out[0, :, 2:4] = 20
    for place, (box, label, score) in [(50, OBJECTS[0]), (900, OBJECTS[1])]:
        out[0, place] = [*centred(letterboxed(box)), 0.95, *one_hot(label, score / 0.95)]
    return {"output": out}


def yolox():
    out = np.zeros((1, len(CELLS), 5 + len(LABELS)), np.float32)
    for place, (box, label, score) in [(1600 + 205, OBJECTS[0]), (2000 + 77, OBJECTS[1])]:
        x, y, stride = CELLS[place]
        centre_x, centre_y, width, height = centred(letterboxed(box))
        offsets = [centre_x / stride - x, centre_y / stride - y, np.log(width / stride), np.log(height / stride)]
        out[0, place] = [*offsets, 0.95, *one_hot(label, score / 0.95)]
    return {"output": out}


def yolov10():
    out = np.zeros((1, 300, 6), np.float32)
    for row, (box, label, score) in enumerate(OBJECTS):
        out[0, row] = [*letterboxed(box), score, label]
    return {"output0": out}


def rt_detr():
    """As Hugging Face exports it: logits beside centres and sizes in shares of a stretched input."""
    logits = np.full((1, 300, len(LABELS)), -6, np.float32)
    boxes = np.full((1, 300, 4), 0.5, np.float32)
    for row, (box, label, score) in enumerate(OBJECTS):
        logits[0, row] = one_hot(label, np.log(score / (1 - score)), -6)
        boxes[0, row] = np.array(centred(stretched(box))) / SIZE
    return {"logits": logits, "pred_boxes": boxes}


def rt_detr_ultralytics():
    out = np.full((1, 300, 4 + len(LABELS)), 0.01, np.float32)
    for row, (box, label, score) in enumerate(OBJECTS):
        out[0, row] = [*np.array(centred(stretched(box))) / SIZE, *one_hot(label, score)]
    return {"output0": out}


def tensorflow():
    """As TensorFlow's Object Detection API: y before x, classes from 1, y and x in shares."""
    boxes, classes, scores = np.zeros((1, 10, 4), np.float32), np.ones((1, 10), np.float32), np.zeros((1, 10), np.float32)
    for row, (box, label, score) in enumerate(OBJECTS):
        left, top, right, bottom = np.array(stretched(box)) / SIZE
        boxes[0, row], classes[0, row], scores[0, row] = [top, left, bottom, right], label + 1, score
    return {"detection_boxes": boxes, "detection_classes": classes, "detection_scores": scores}


ANCHORS = [[[81, 82], [135, 169], [344, 319]], [[10, 14], [23, 27], [37, 58]]]


def yolov4_tiny():
    """Raw heads of Darknet at the strides 32 and 16, with `scale_x_y` 1.05."""
    heads = [np.full((1, 3 * (5 + len(LABELS)), SIZE // stride, SIZE // stride), -9, np.float32) for stride in (32, 16)]
    logit = lambda p: np.log(p / (1 - p))  # noqa: E731
    for (head, anchor), (box, label, score) in zip([(0, 1), (1, 2)], OBJECTS):
        stride = (32, 16)[head]
        centre_x, centre_y, width, height = centred(stretched(box))
        column, row = int(centre_x // stride), int(centre_y // stride)
        # scale · σ(t) − (scale − 1) / 2 is the place in the cell.
        inside = [logit((place / stride - cell + 0.025) / 1.05) for place, cell in [(centre_x, column), (centre_y, row)]]
        size = np.log(np.array([width, height]) / ANCHORS[head][anchor])
        channels = [*inside, *size, logit(0.95), *one_hot(label, logit(score / 0.95), -9)]
        first = anchor * len(channels)
        heads[head][0, first : first + len(channels), row, column] = channels
    return {"yolo0": heads[0], "yolo1": heads[1]}


def write(path, outputs, notes=None, shape=(1, 3, SIZE, SIZE), input_type=TensorProto.FLOAT, last=None):
    """A model that gives these outputs, whatever its input is: each is a constant plus nothing of the input, and then
    whatever the operation `last` makes of it."""
    nodes = [helper.make_node("Cast", ["image"], ["plain"], to=TensorProto.FLOAT), helper.make_node("ReduceMean", ["plain"], ["mean"], keepdims=0)]
    nodes += [helper.make_node("Mul", ["mean", "zero"], ["nothing"])]
    weights = [numpy_helper.from_array(np.array(0, np.float32), "zero")]
    infos = []
    for name, values in outputs.items():
        weights.append(numpy_helper.from_array(values, f"{name}_values"))
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        nodes.append(helper.make_node("Cast", ["nothing"], [f"{name}_nothing"], to=kind))
        plain = f"{name}_plain" if last else name
        nodes.append(helper.make_node("Add", [f"{name}_values", f"{name}_nothing"], [plain]))
        if last:
            nodes.append(helper.make_node(last, [plain], [name]))
        infos.append(helper.make_tensor_value_info(name, kind, values.shape))
    picture = helper.make_tensor_value_info("image", input_type, shape)
    model = helper.make_model(helper.make_graph(nodes, "synthetic", [picture], infos, weights), opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    helper.set_model_props(model, notes or {})
    path.write_bytes(model.SerializeToString())
    return path
