"""FastestDet's own weights, against PyTorch and against the boxes that are written down beside the model."""

import importlib.util
import tempfile
from pathlib import Path

import harness
import numpy as np

WEIGHTS = harness.OTHERS / "pytorch" / "FastestDet.pth"


def fastestdet(gleaner):
    described = harness.described("fastestdet-coco-352")
    labels, expected = described["labels"], described["expected"]
    pictures = [harness.MODELS / each["picture"] for each in expected]
    with tempfile.TemporaryDirectory() as folder:
        bundle, names = Path(folder) / "fastestdet.tar", Path(folder) / "coco.names"
        names.write_text("\n".join(labels))
        harness.convert("pytorch.py", WEIGHTS, "--labels", names, "--to", bundle)
        found = [harness.claimed(each) for each in gleaner.predictions(bundle, pictures)]
        written = [(ours, harness.expected_boxes(each)) for ours, each in zip(found, expected)]
        rows = harness.box_rows("gleaner, and what is written down", written)
        return [_against_torch(harness.onnx_of(bundle), pictures, len(labels)), *rows]


def _against_torch(model, pictures, class_count):
    """The raw output of PyTorch itself for the same pixels."""
    import torch
    from PIL import Image

    torch.set_num_threads(1)
    network = _script().load(WEIGHTS, class_count)
    difference = 0.0
    for picture in pictures:
        pixels = np.asarray(Image.open(picture).convert("RGB").resize((352, 352)), np.float32)[..., ::-1] / 255
        values = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
        with torch.no_grad():
            theirs = network(torch.from_numpy(values)).numpy()
        difference = max(difference, np.abs(theirs - harness.run_onnx(model, values)["cells"]).max())
    return harness.Row(
        f"ONNX Runtime and PyTorch {torch.__version__}", difference, 1e-3, f"{theirs.size} numbers a picture"
    )


def _script():
    """The converter as a module: it has the network's class."""
    import sys

    path = list(sys.path)
    spec = importlib.util.spec_from_file_location("pytorch_script", harness.HERE / "pytorch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path[:] = path
    return module


CHECKS = [("pytorch", ["torch", "onnx", "onnxruntime", "PIL"], fastestdet)]
