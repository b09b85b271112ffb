#!/usr/bin/env python3
"""Choose, across all devices, the pictures that are worth a label.

Each device has left out what it had seen itself; that its neighbour saw the same, only the bucket knows. So:

  1. Of pictures that are the same byte for byte, one is left (by SHA-256, in DuckDB).
  2. A share of the labels goes to audit samples, drawn by chance whatever they show: a coin kept them on the device,
     and they are what models are measured with.
  3. The rest goes to the samples of the highest utility, each of which looks unlike all chosen before: what the
     fleet's own model sees in two pictures (the layer before its last) must differ by a cosine distance.

Writes `samples.jsonl`, a line for each that is chosen with its device and the key of its picture, and `sheet.png`.

  choose.py --count 200 --model first --to chosen
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy: its threads only get into each other's way here

import argparse
import hashlib
import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image, ImageDraw

sys.path.append(str(Path(__file__).resolve().parents[1] / "retrain"))
import bucket
import pictures

# Copies are as good as each other, but an audit sample can do what others cannot.
CANDIDATES = """
    SELECT id, device, url, sha256, origin, reason, utility, split, prediction.classes[1] AS claim
    FROM samples WHERE purpose = 'labeling'
    QUALIFY row_number() OVER (PARTITION BY sha256 ORDER BY reason = 'audit' DESC, utility DESC, id) = 1
    ORDER BY utility DESC, id
"""
FEATURES = "features"  # the tensor before the head of Examples/retrain's network


def fetch(urls):
    """The bytes of objects, many at a time."""
    store = bucket.file_system()
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda url: store.open_input_file(url.removeprefix("s3://")).read(), urls))


def directions(bundle, frames):
    """What the model sees in each picture, as a row of unit length."""
    spec = json.loads((bundle / "model.json").read_text())["input"]
    model = onnx.load(bundle / "model.onnx")
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(FEATURES))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = np.stack([pictures.model_input(frame, spec) for frame in frames]).transpose(0, 3, 1, 2)
    (features,) = session.run([FEATURES], {session.get_inputs()[0].name: np.ascontiguousarray(inputs, "f4")})
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def draw(candidates, count):
    """The places of so many audit samples, drawn by the digests of their ids."""
    audit = [at for at, line in enumerate(candidates) if line["reason"] == "audit"]
    return sorted(audit, key=lambda at: hashlib.sha256(candidates[at]["id"].encode()).digest())[:count]


def spread(candidates, rows, chosen, count, distance_min):
    """The best first, as long as each is far enough from all before it.

    Returns the places of all that are chosen, and for each that is too near to one of them, both places.
    """
    chosen, near = list(chosen), []
    for at, line in enumerate(candidates):
        if line["reason"] == "audit" or len(chosen) == count:
            continue
        alike = rows[chosen] @ rows[at] if chosen else np.zeros(0)
        if len(alike) and 1 - alike.max() < distance_min:
            near.append((at, chosen[int(alike.argmax())]))
        else:
            chosen.append(at)
    return chosen, near


def sheet(path, candidates, frames, chosen, near):
    """A picture for people: what is chosen, and below it what was left out, each beside what it is like."""
    columns, side, caption = 20, 64, 24
    pairs = near[: columns * 2]
    upper, lower = -(-len(chosen) // columns), -(-len(pairs) * 2 // columns)
    canvas = Image.new("RGB", (columns * (side + 4), (upper + lower) * (side + caption) + 48), "white")
    pen = ImageDraw.Draw(canvas)

    def row(top, title, places):
        pen.text((4, top + 4), title, "black")
        for number, (at, words, color) in enumerate(places):
            x, y = number % columns * (side + 4), top + 24 + number // columns * (side + caption)
            canvas.paste(Image.fromarray(frames[at]), (x, y))
            pen.text((x, y + side), f"{candidates[at]['device'][:10]}\n{words}", color, spacing=0, font_size=9)

    def claim(at):
        return f"{candidates[at]['claim']['label']}? {candidates[at]['claim']['score']:.2f}"

    tiles = [(at, "audit" if candidates[at]["reason"] == "audit" else claim(at), "black") for at in chosen]
    row(0, f"{len(chosen)} chosen: its device, and what the model says of it", tiles)
    tiles = [tile for out, kept in pairs for tile in ((out, "left out", "red"), (kept, "for this", "black"))]
    row(24 + upper * (side + caption), f"The first {len(pairs)} of {len(near)} near-duplicates", tiles)
    canvas.save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, required=True, metavar="N", help="how many labels there are to spend")
    parser.add_argument("--model", type=Path, required=True, metavar="BUNDLE", help="the model that the fleet runs")
    parser.add_argument("--audit", type=float, default=0.2, metavar="SHARE", help="for measuring (default: 0.2)")
    parser.add_argument("--distance", type=float, default=0.05, help="the least between two that teach (default: 0.05)")
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    given = parser.parse_args()
    duck = bucket.tables()
    total = duck.sql("SELECT count(*) FROM samples WHERE purpose = 'labeling'").fetchone()[0]
    candidates = duck.sql(CANDIDATES).fetch_arrow_table().to_pylist()
    found = fetch(line["url"] for line in candidates)
    frames = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in found]
    rows = directions(given.model, frames)
    audit = draw(candidates, round(given.audit * given.count))
    chosen, near = spread(candidates, rows, audit, given.count, given.distance)
    given.to.mkdir()
    with open(given.to / "samples.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(candidates[at]) + "\n" for at in chosen)
    sheet(given.to / "sheet.png", candidates, frames, chosen, near)
    for words, number in (
        ("samples in the bucket", total),
        ("left out: the same picture as another", total - len(candidates)),
        ("left out: nearly the same as a chosen one", len(near)),
        ("left out: others teach more", len(candidates) - len(near) - len(chosen)),
        (f"chosen, {len(audit)} of them audit samples", len(chosen)),
    ):
        print(f"{words:<44} {number:>6,}")


if __name__ == "__main__":
    main()
