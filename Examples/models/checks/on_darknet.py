"""Darknet's detectors: what their makers' weights are expected to find, and random networks against OpenCV."""

import json
import tarfile
import tempfile
from pathlib import Path

import darknet_nets
import harness
import numpy as np

FOLDER = harness.OTHERS / "darknet"
LABELS = "apple,pear,plum"


def yolo_fastest(gleaner):
    """The original weights, through gleaner, against the boxes that are written down beside the model."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "yolo-fastest.tar"
        cfg, weights = FOLDER / "yolo-fastest-1.1.cfg", FOLDER / "yolo-fastest-1.1.weights"
        harness.convert("darknet.py", cfg, weights, "--labels", FOLDER / "coco.names", "--to", bundle)
        expected = harness.described("yolo-fastest-1.1-coco-320")["expected"]
        pictures = [harness.MODELS / each["picture"] for each in expected]
        found = gleaner.predictions(bundle, pictures)
        # What is written down has scores of 0.3 and more.
        written = [(harness.claimed(ours, 0.3), harness.expected_boxes(each)) for ours, each in zip(found, expected)]
        rows = harness.box_rows("gleaner, and what is written down", written)
        return rows + _against_opencv(cfg, weights, bundle, pictures, found)


def yolov4_tiny(gleaner):
    return _random_network(gleaner, darknet_nets.yolov4_tiny(), -7)


def other_layers(gleaner):
    return _random_network(gleaner, darknet_nets.every_other_layer(), -4)


def _random_network(gleaner, layers, object_bias):
    with tempfile.TemporaryDirectory() as folder:
        cfg, weights, bundle = (Path(folder) / name for name in ("net.cfg", "net.weights", "net.tar"))
        darknet_nets.write(layers, cfg, weights, object_bias)
        harness.convert("darknet.py", cfg, weights, "--labels", LABELS, "--to", bundle, "--score-min", 0.25)
        pictures = [harness.PICTURES / name for name in ("dog.jpg", "street.jpg", "people.jpg")]
        return _against_opencv(cfg, weights, bundle, pictures, gleaner.predictions(bundle, pictures))


def _against_opencv(cfg, weights, bundle, pictures, found):
    """Raw heads and boxes of the same pictures, read by OpenCV's own Darknet importer."""
    try:
        import cv2

        network = cv2.dnn.readNetFromDarknet(str(cfg), str(weights))
    except (ImportError, AttributeError):
        return []
    with tarfile.open(bundle) as tar:
        manifest = json.load(tar.extractfile("model.json"))
    size = (manifest["input"]["width"], manifest["input"]["height"])
    model, difference, largest, boxes = harness.onnx_of(bundle), 0.0, 0.0, []
    for picture, ours in zip(pictures, found):
        frame = cv2.imread(str(picture))
        network.setInput(cv2.dnn.blobFromImage(frame, 1 / 255, size, swapRB=True))
        decoded = network.forward(network.getUnconnectedOutLayersNames())
        for output, values in harness.run_onnx(model, cv2.dnn.blobFromImage(frame, 1 / 255, size, swapRB=True)).items():
            theirs = _raw_head(network, int(output.removeprefix("yolo")), manifest)
            assert theirs.shape == values.shape, (theirs.shape, values.shape)
            difference, largest = max(difference, np.abs(theirs - values).max()), max(largest, np.abs(theirs).max())
        boxes.append((harness.claimed(ours), _boxes(cv2, decoded, frame.shape, manifest)))
    row = harness.Row("ONNX Runtime and OpenCV: raw heads", difference, 1e-3 * largest, f"values up to {largest:.1f}")
    return [row, *harness.box_rows("gleaner and OpenCV", boxes, 0.001, 1.0)]


def _raw_head(network, number, manifest):
    """What the convolution before a YOLO layer gives; its logits where it ends in a logistic function."""
    names = network.getLayerNames()
    heads = [position for position, name in enumerate(names) if name.startswith("yolo_")]
    # OpenCV puts the channels last before its YOLO layer.
    values = network.forward(names[heads[number] - 1]).transpose(0, 3, 1, 2)
    if manifest["decoder"].get("box_rule") == "square":
        values = np.log(values / (1 - values))
    return values


def _boxes(cv2, decoded, shape, manifest):
    """OpenCV's rows (centre, size, object, score for each class) as the boxes that are left of each class."""
    height, width = shape[:2]
    rows = np.concatenate([each.reshape(-1, each.shape[-1]) for each in decoded])
    best, kept = rows[:, 5:].argmax(1), []
    for label, name in enumerate(manifest["labels"]):
        chosen = rows[best == label]
        corners = np.c_[chosen[:, :2] - chosen[:, 2:4] / 2, chosen[:, 2:4]] * [width, height, width, height]
        scores = chosen[:, 5 + label]
        options = manifest["decoder"]
        for index in np.ravel(
            cv2.dnn.NMSBoxes(corners.tolist(), scores.tolist(), options["score_min"], options["nms_iou"])
        ):
            x0, y0, wide, high = corners[int(index)]
            clipped = np.clip([x0, y0, x0 + wide, y0 + high], 0, [width, height, width, height])
            kept.append((name, float(scores[int(index)]), tuple(clipped)))
    return kept


CHECKS = [
    ("darknet", ["onnx", "onnxruntime"], yolo_fastest),
    ("darknet-yolov4-tiny", ["onnx", "onnxruntime", "cv2.dnn.readNetFromDarknet"], yolov4_tiny),
    ("darknet-other-layers", ["onnx", "onnxruntime", "cv2.dnn.readNetFromDarknet"], other_layers),
]
