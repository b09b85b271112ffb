"""Ultralytics' YOLOv8 with random weights: its own predictions on PyTorch, and gleaner's of the exported file."""

import contextlib
import io
import os
import tempfile
from pathlib import Path

import harness

PICTURES = [harness.PICTURES / name for name in ("dog.jpg", "street.jpg", "people.jpg", "faces.jpg")]


def yolov8(gleaner):
    return _detector(gleaner, "yolov8n.yaml")


def yolo11(gleaner):
    return _detector(gleaner, "yolo11n.yaml")


def _detector(gleaner, description):
    """Letterboxed into a square, as gleaner does; Ultralytics alone would leave out what of the bars it can."""
    with tempfile.TemporaryDirectory() as folder:
        weights, file = Path(folder) / "random.pt", Path(folder) / "random.onnx"
        model = _random(description, 320, weights)
        harness.convert("ultralytics.py", weights, "--to", file, "--size", "320")
        found = [harness.claimed(each) for each in gleaner.predictions(file, PICTURES)]
        results = model.predict(PICTURES, imgsz=320, rect=False, conf=0.25, iou=0.7, verbose=False)
        theirs = [_boxes(result) for result in results]
        return harness.box_rows("gleaner and Ultralytics", list(zip(found, theirs)), 0.005, 1.0)


def classifier(gleaner):
    with tempfile.TemporaryDirectory() as folder:
        weights, bundle = Path(folder) / "random.pt", Path(folder) / "random.tar"
        model = _random("yolov8n-cls.yaml", 224, weights)
        harness.convert("ultralytics.py", weights, "--to", bundle, "--size", "224")
        found = gleaner.predictions(bundle, PICTURES)
        results = model.predict(PICTURES, imgsz=224, verbose=False)
        theirs = [result.probs.data.numpy() for result in results]
        names = [model.names[number] for number in range(len(model.names))]
        return [harness.class_row("gleaner and Ultralytics", found, theirs, names, 0.02)]


def _boxes(result):
    boxes = result.boxes
    rows = zip(boxes.cls.tolist(), boxes.conf.tolist(), boxes.xyxy.tolist())
    return [(result.names[int(number)], score, tuple(corners)) for number, score, corners in rows]


def _random(description, size, to):
    """A model with random weights that sees something in the pictures, saved and loaded again."""
    _quietly()
    import torch

    from ultralytics import YOLO

    torch.set_num_threads(1)
    torch.manual_seed(5)
    model = YOLO(description)
    frames = _batch(size)
    with torch.no_grad():
        _settle(model.model, frames)
        head = model.model.model[-1]
        if model.task == "classify":
            head.linear.weight.normal_(0, 0.2)
        else:
            _aim(model.model, [branch[-1] for branch in head.cv3], frames)
    with contextlib.redirect_stdout(io.StringIO()):
        model.save(to)
    return YOLO(to)


def _batch(size):
    import cv2
    import numpy as np
    import torch
    from ultralytics.data.augment import LetterBox

    fit = LetterBox((size, size), auto=False)
    frames = [fit(image=cv2.imread(str(each)))[..., ::-1] for each in PICTURES]
    return torch.from_numpy(np.stack(frames).transpose(0, 3, 1, 2).astype(np.float32) / 255)


def _settle(network, frames):
    """Normalises every layer by what it sees in pictures: random weights alone let the signal fade."""
    import torch

    layers = [each for each in network.modules() if isinstance(each, torch.nn.BatchNorm2d)]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    network.train()
    network(frames)
    network.eval()
    for layer in layers:
        layer.momentum = 0.03


def _aim(network, lasts, frames, box_count=60):
    """Lets few boxes pass 0.25, and keeps scores from 1, where all would be equal and their order chance."""
    import torch

    outputs = []
    hooks = [last.register_forward_hook(lambda _, __, output: outputs.append(output)) for last in lasts]
    for last in lasts:
        last.weight.normal_()
        last.bias.zero_()
    network(frames)
    for last, output in zip(lasts, outputs):
        last.weight.mul_(1 / output.std())
    outputs.clear()
    network(frames)
    best = torch.cat([output.flatten(2).amax(1).flatten() for output in outputs]).sort(descending=True).values
    for last in lasts:
        last.bias.fill_(-1 - best[box_count])
    for hook in hooks:
        hook.remove()


def _quietly():
    """Ultralytics asks the network and writes settings unless it is told not to."""
    os.environ["YOLO_OFFLINE"] = "True"
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ["YOLO_VERBOSE"] = "False"
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp(prefix="ultralytics-"))


NEEDED = ["ultralytics", "torch", "onnx", "cv2"]
CHECKS = [
    ("ultralytics", NEEDED, yolov8),
    ("ultralytics-yolo11", NEEDED, yolo11),
    ("ultralytics-classifier", NEEDED, classifier),
]
