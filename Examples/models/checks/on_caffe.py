"""Caffe's networks: UltraFace's own weights, and a classifier with random weights, against OpenCV's importer."""

import tempfile
from pathlib import Path

import caffe_nets
import harness
import numpy as np

PROTOTXT, CAFFEMODEL = (harness.OTHERS / "caffe" / f"RFB-320.{kind}" for kind in ("prototxt", "caffemodel"))
ULTRAFACE = [
    *("--task", "detection", "--labels", "face", "--color", "RGB", "--mean", "127", "--std", "128"),
    *("--decoder", "ssd-priors", "--decoder-option", "strides=[8,16,32,64]"),
    *("--decoder-option", "sizes=[[10,16,24],[32,48],[64,96],[128,192,256]]"),
    *("--decoder-option", "score_min=0.7", "--decoder-option", "nms_iou=0.3"),
]
CLASSES = ["apple", "pear", "plum", "cherry", "grape"]


def ultraface(gleaner):
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "ultraface.tar"
        harness.convert("caffe.py", PROTOTXT, CAFFEMODEL, "--to", bundle, *ULTRAFACE)
        expected = harness.described("ultraface-rfb-320-raw")["expected"]
        pictures = [harness.MODELS / each["picture"] for each in expected]
        found = [harness.claimed(each) for each in gleaner.predictions(bundle, pictures)]
        counts = [(len(ours), each["count"]) for ours, each in zip(found, expected)]
        assert all(ours == theirs for ours, theirs in counts), f"boxes found and expected: {counts}"
        # Of a crowd, only the surest are written down.
        written = [(ours, harness.expected_boxes(each)) for ours, each in zip(found, expected)]
        rows = harness.box_rows("gleaner, and what is written down", written, is_all=False)
        return rows + _ultraface_in_opencv(harness.onnx_of(bundle), pictures)


def _ultraface_in_opencv(model, pictures):
    """The raw outputs of the same picture, where this Python has an OpenCV that reads Caffe's files."""
    try:
        import cv2

        network = cv2.dnn.readNetFromCaffe(str(PROTOTXT), str(CAFFEMODEL))
    except (ImportError, AttributeError):
        return []
    rows = []
    blob = cv2.dnn.blobFromImage(cv2.imread(str(pictures[0])), 1 / 128, (320, 240), (127, 127, 127), swapRB=True)
    for output, values in harness.run_onnx(model, blob).items():
        network.setInput(blob)
        difference = np.abs(network.forward(output).reshape(values.shape) - values).max()
        rows.append(harness.Row(f"ONNX Runtime and OpenCV: {output}", difference, 1e-3, f"{values.shape[1]} priors"))
    return rows


def classifier(gleaner):
    import cv2

    with tempfile.TemporaryDirectory() as folder:
        prototxt, caffemodel, bundle = (Path(folder) / name for name in ("fruit.prototxt", "fruit.caffemodel", "fruit"))
        caffe_nets.write(prototxt, caffemodel)
        pixels = ["--mean", "104,117,123", "--std", "50"]
        harness.convert("caffe.py", prototxt, caffemodel, "--to", bundle, "--labels", ",".join(CLASSES), *pixels)
        pictures = [harness.PICTURES / name for name in ("dog.jpg", "street.jpg", "people.jpg", "faces.jpg")]
        network = cv2.dnn.readNetFromCaffe(str(prototxt), str(caffemodel))
        theirs, raw = [], 0.0
        for picture in pictures:
            blob = cv2.dnn.blobFromImage(cv2.imread(str(picture)), 1 / 50, (90, 67), (104, 117, 123))
            network.setInput(blob)
            theirs.append(network.forward().ravel())
            raw = max(raw, np.abs(harness.run_onnx(harness.onnx_of(bundle), blob)["prob"] - theirs[-1]).max())
        row = harness.Row("ONNX Runtime and OpenCV: probabilities", raw, 1e-4, f"{len(pictures)} pictures")
        found = gleaner.predictions(bundle, pictures)
        return [row, harness.class_row("gleaner and OpenCV: probabilities", found, theirs, CLASSES)]


CHECKS = [
    ("caffe", ["onnx", "onnxruntime"], ultraface),
    ("caffe-other-layers", ["onnx", "onnxruntime", "cv2.dnn.readNetFromCaffe"], classifier),
]
