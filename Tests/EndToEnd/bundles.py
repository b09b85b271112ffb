"""Bundles from the models of the shared data, whose descriptions are in words."""

import json
import re
import sys

from driver import ROOT

sys.path.append(str(ROOT / "Examples" / "retrain"))
import pack_model  # noqa: E402

DECODERS = {
    "softmax-probabilities": ("classification", {}),
    "logits": ("classification", {"activation": "logits"}),
    "quantised-probabilities": ("classification", {"activation": "quantised"}),
    "fastestdet": ("fastestdet", {"score_min": 0.65, "nms_iou": 0.45}),
}


def manifest(folder, name=None, version=None, **changes):
    """The manifest of a model folder of the shared data, and the bytes of its model."""
    described = json.loads((folder / "model.json").read_text())
    model = (folder / described["file"]).read_bytes()
    preprocess, shape = described["preprocess"], described["inputs"][0]["shape"]
    channels_last = preprocess["layout"] == "NHWC"
    height, width = (shape[1], shape[2]) if channels_last else (shape[2], shape[3])
    assert preprocess["resize"].startswith("stretch (bilinear)"), preprocess
    decoder, options = DECODERS[described["decoding"]["type"]]
    # `meter-digits-v2` is the second version of `meter-digits`.
    versioned = re.fullmatch(r"(.+)-v(\d+)", described["name"])
    base, number = (versioned[1], int(versioned[2])) if versioned else (described["name"], 1)
    arguments = {
        "name": name or base,
        "version": version or number,
        "task": described["task"],
        "labels": described["labels"],
        "width": width,
        "height": height,
        "input_name": described["inputs"][0]["name"],
        "layout": preprocess["layout"],
        "type": preprocess["dtype"],
        "color": preprocess["color"],
        "scale": 1 / 255 if preprocess["scale"] == "x/255" else 1,
        "decoder": decoder,
        "decoder_options": options,
        "licence": described["licence"],
        "origin": described["origin"],
    }
    return pack_model.manifest_for(model, **{**arguments, **changes}), model


def make(folder, to, key=None, expires=None, golden=None, **arguments):
    """Writes the bundle of a model folder to `to`: a folder, or a tar when it ends in .tar; signed with the file `key`."""
    description, model = manifest(folder, **arguments)
    pack_model.write_bundle(str(to), description, model, golden=golden, key=key, expires=expires)
    return to
