#!/usr/bin/env python3
"""Bring a model of Ultralytics (YOLOv8, YOLO11 and others; detectors and classifiers) to Gleaner.

A detector needs no bundle: Ultralytics writes its classes' names, its size and its task into the ONNX file, and
`gleaner model import` reads them. A classifier gets one, for it wants frames made smaller as Pillow does it, and that
is not in the file. Needs the packages ultralytics and onnx.

  A detector that you trained:
    ultralytics.py runs/detect/train/weights/best.pt --to orchard.onnx --size 640
    gleaner model import orchard.onnx -C station

  The same with Ultralytics' own command; the size must be fixed, so without `dynamic`:
    yolo export model=best.pt format=onnx imgsz=640 opset=13

  A classifier:
    ultralytics.py runs/classify/train/weights/best.pt --to meter-1.tar --name meter --size 224
    gleaner model import meter-1.tar -C station
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

# Only what this script needs: its own folder has files that are named as frameworks are.
sys.path[0] = str(Path(__file__).resolve().parents[1] / "retrain")

import pack_model  # noqa: E402

# Old enough for ONNX Runtime 1.12.
OPSET = 13


class ConversionError(Exception):
    """The model cannot be brought to Gleaner as asked; the message says why, and what to do."""


def export(weights, size, is_bundle):
    """The loaded model, and the bytes of its ONNX file."""
    from ultralytics import YOLO

    with tempfile.TemporaryDirectory() as folder:
        # Ultralytics writes beside the weights, wherever those are: a copy leaves that place as it is.
        copy = Path(folder) / Path(weights).name
        shutil.copyfile(weights, copy)
        model = YOLO(copy)
        check_task(model.task, is_bundle)
        exported = model.export(format="onnx", imgsz=size, opset=OPSET, dynamic=False, simplify=False)
        return model, Path(exported).read_bytes()


def check_task(task, is_bundle):
    if task not in ("detect", "classify"):
        raise ConversionError(f"the model's task is '{task}': Gleaner takes detectors and classifiers")
    if task == "detect" and is_bundle:
        raise ConversionError("Gleaner takes a detector's file itself: let --to end in .onnx")
    if task == "classify" and not is_bundle:
        raise ConversionError("a classifier becomes a bundle: let --to name a folder, or a file ending in .tar")


def classifier_manifest(data, model, given):
    """What Ultralytics does to a frame before it classifies: the shorter side to the size, and the middle of it."""
    return pack_model.manifest_for(
        data,
        name=given.name,
        version=given.version,
        task="classification",
        labels=[model.names[number] for number in sorted(model.names)],
        width=given.size,
        height=given.size,
        scale=1 / 255,
        fit="crop",
        filter="antialiased",
        decoder="classification",
    )


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", help="the .pt file")
    parser.add_argument("--to", required=True, metavar="PATH", help="a detector's .onnx file, or a classifier's bundle")
    parser.add_argument("--size", type=int, default=640, help="side of the square that frames fit into (default: 640)")
    parser.add_argument("--name", default="classifier", help="a classifier's name; all its versions share it")
    parser.add_argument("--version", default=1, type=int, help="grows with each retraining (default: 1)")
    return parser.parse_args()


def main():
    given = parse_arguments()
    is_bundle = not given.to.endswith(".onnx")
    try:
        if Path(given.to).exists():
            raise ConversionError(f"{given.to} exists already: remove it, or choose another --to")
        model, data = export(given.weights, given.size, is_bundle)
        if is_bundle:
            pack_model.write_bundle(given.to, classifier_manifest(data, model, given), data)
        else:
            Path(given.to).write_bytes(data)
    except ImportError as error:
        sys.exit(f"ultralytics.py: {error}; pip install ultralytics onnx")
    except (ConversionError, pack_model.PackError, OSError) as error:
        sys.exit(f"ultralytics.py: {error}")
    print(f"{given.to}: {model.task}, {len(model.names)} classes; now: gleaner model import {given.to}")


if __name__ == "__main__":
    main()
