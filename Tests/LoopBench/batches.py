"""What a model takes for one frame when it is asked about several at once, against one at a time.

    python batches.py [--rounds N] [MODEL ...]

One thread, no Gleaner: the two networks of bench.py, and any model whose first dimension is free. Prints how many times as
fast a frame passes in batches of 2, 4 and 8: medians of ratios within a round.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import networks
import numpy as np
import onnx
import onnxruntime

SIZES = (1, 2, 4, 8)
# Frames for which a batch size is timed in a round.
FRAMES = 64
TYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}


def freed(path):
    """The same network for any number of frames."""
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.save(model, path)
    return path


def ratios(path, rounds):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert not isinstance(given.shape[0], int), f"{path} takes {given.shape[0]} frame at a time"
    random = np.random.default_rng(1)
    frames = random.integers(0, 256, (max(SIZES), *given.shape[1:])).astype(TYPES[given.type])

    def seconds(size):
        batch = {given.name: frames[:size]}
        begin = time.perf_counter()
        for _ in range(FRAMES // size):
            session.run(None, batch)
        return (time.perf_counter() - begin) / FRAMES

    for size in SIZES:
        seconds(size)
    taken = [{size: seconds(size) for size in SIZES} for _ in range(rounds)]
    found = {size: round(statistics.median(each[1] / each[size] for each in taken), 2) for size in SIZES[1:]}
    return {"alone_ms": round(1000 * statistics.median(each[1] for each in taken), 3), **found}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="batches-") as work:
        ours = [freed(make(Path(work) / f"{make.__name__}.onnx")) for make in (networks.small, networks.mobilenet)]
        for path in [*ours, *arguments.models]:
            name = path.parent.name if path.name == "model.onnx" else path.stem
            print(json.dumps({"model": name, **ratios(path, arguments.rounds)}), flush=True)


if __name__ == "__main__":
    main()
