#!/usr/bin/env python3
"""Pack an ONNX model into a bundle that `gleaner model import` takes.

A bundle is a folder, or an uncompressed tar when --to ends in .tar: `model.json`, which says how frames become the
model's input and what its outputs mean, beside the model's file. Nothing but Python's standard library is needed; to sign a
bundle, so that devices can tell it from others', also the package `cryptography`.

  A classifier with 10 softmax outputs over 20x32 RGB pixels of 0...255, channels last:
    pack_model.py meter.onnx --to meter.bundle --name meter-digits --version 1 --task classification \\
      --labels 0,1,2,3,4,5,6,7,8,9 --size 20x32 --layout NHWC --decoder classification

  A FastestDet detector that wants BGR pixels divided by 255, as a tar:
    pack_model.py FastestDet.onnx --to fastestdet.tar --name fastestdet --version 3 --task detection \\
      --labels coco.names --size 352x352 --color BGR --scale 1/255 --decoder fastestdet --decoder-option score_min=0.65

  Signed with a key of `gleaner model keygen` (or of `openssl genpkey -algorithm ed25519`), for half a year:
    pack_model.py … --sign orchard.key --expires 2027-06-30
"""

import argparse
import base64
import datetime
import hashlib
import io
import json
import os
import re
import shutil
import sys
import tarfile
from fractions import Fraction

SCHEMA = "gleaner/model-bundle/1"
SIGNATURE_SCHEMA = "gleaner/model-signature/1"
TASKS = ("classification", "detection")
LAYOUTS = ("NCHW", "NHWC")
TYPES = ("float32", "float16", "uint8", "int8")
COLORS = ("RGB", "BGR", "GRAY")
FITS = ("stretch", "letterbox", "crop")
FILTERS = ("bilinear", "antialiased", "nearest")


class PackError(Exception):
    """Something about the bundle is wrong; the message says what, and what to do."""


def manifest_for(
    model,
    *,
    name,
    version,
    task,
    labels,
    width,
    height,
    decoder,
    input_name=None,
    layout="NCHW",
    type="float32",
    color="RGB",
    scale=1.0,
    mean=(0.0,),
    std=(1.0,),
    fit="stretch",
    filter="bilinear",
    pad_value=114,
    decoder_options=None,
    embedding=None,
    difficulty=None,
    trained_on=None,
    trained_on_test=None,
    licence=None,
    origin=None,
):
    """The manifest (`model.json`, as a dictionary) of a model whose file has the bytes `model`.

    Each channel value 0...255 becomes `(value * scale - mean) / std`. `embedding` names the tensor inside the model
    that tells what a frame shows; Gleaner finds one by itself when it is None. `difficulty` says how hard classes are
    to learn, by name (1 for those that it does not name).
    Raises PackError naming the first argument that makes no sense.
    """
    if not model:
        raise PackError("the model's file is empty")
    if not re.fullmatch(r"[a-z0-9_][a-z0-9._-]{0,63}", name):
        raise PackError(f"the name '{name}' is not letters, digits, dots, dashes and underscores (at most 100)")
    if version < 1:
        raise PackError(f"the version is {version}: versions count from 1")
    _one_of("task", task, TASKS)
    _one_of("layout", layout, LAYOUTS)
    _one_of("type", type, TYPES)
    _one_of("color", color, COLORS)
    _one_of("fit", fit, FITS)
    _one_of("filter", filter, FILTERS)
    _check_labels(labels)
    if not (1 <= width <= 8192 and 1 <= height <= 8192):
        raise PackError(f"the input's size is {width}x{height}: both must be 1...8192")
    channels = 1 if color == "GRAY" else 3
    for flag, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, channels):
            raise PackError(f"{flag} has {len(values)} values: give one, or {channels} for {color}")
    if any(value == 0 for value in std):
        raise PackError("std has a zero, and pixels are divided by it")
    if not 0 <= pad_value <= 255:
        raise PackError(f"pad value {pad_value} is not a grey level, 0...255")
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", decoder):
        raise PackError(f"'{decoder}' cannot be a decoder's name; `gleaner components` lists them")
    for batch in trained_on or ():
        if not re.fullmatch(r"[0-9a-f]{64}", batch):
            raise PackError(f"'{batch}' is not a batch id: those are 64 hexadecimal digits")

    spec = {"name": input_name, "width": width, "height": height, "layout": layout, "type": type, "color": color}
    spec |= {"scale": float(scale), "mean": [float(v) for v in mean], "std": [float(v) for v in std]}
    spec |= {"fit": fit, "filter": filter, "pad_value": pad_value}
    manifest = {
        "schema": SCHEMA,
        "name": name,
        "version": version,
        "task": task,
        "file": "model.onnx",
        "bytes": len(model),
        "sha256": hashlib.sha256(model).hexdigest(),
        "labels": list(labels),
        "input": {key: value for key, value in spec.items() if value is not None},
        "decoder": {"name": decoder, **(decoder_options or {})},
        "embedding": embedding,
        "difficulty": difficulty,
        # An empty list says "on no batch of ours"; an absent one says that nobody knows.
        "trained_on": None if trained_on is None else sorted(set(trained_on)),
        # Audit samples that a model was trained on say nothing of it.
        "trained_on_test": trained_on_test,
        "licence": licence,
        "origin": origin,
    }
    return {key: value for key, value in manifest.items() if value is not None}


def write_bundle(path, manifest, model, golden=None, key=None, expires=None):
    """Writes the bundle to `path`: a tar when it ends in .tar, else a folder that must not exist yet.

    `golden` is a folder that `write_golden` made, or None. `key` names the file of a private key that
    signs the bundle, or None; `expires` is a datetime with a time zone, from which on devices refuse it, or None.
    """
    files = {"model.json": (json.dumps(manifest, indent=1) + "\n").encode(), "model.onnx": model}
    for name in sorted(os.listdir(golden)) if golden else ():
        with open(os.path.join(golden, name), "rb") as file:
            files[f"golden/{name}"] = file.read()
    if key:
        files["signature.json"] = sign(files, key, expires)
    if os.path.lexists(path):
        raise PackError(f"{path} exists already: remove it, or choose another --to")
    partial = path + ".partial"
    if os.path.isdir(partial):
        shutil.rmtree(partial)
    _write_tar(partial, files) if path.endswith(".tar") else _write_folder(partial, files)
    os.rename(partial, path)


def sign(files, key, expires=None):
    """The bytes of `signature.json` for a bundle's files (bytes by name), signed with the key in the file `key`.

    They are in the one form that Gleaner reads: canonical JSON and a line feed. Raises PackError.
    """
    manifest = json.loads(files["model.json"])
    statement = {
        "model": {"name": manifest["name"], "version": manifest["version"], "digest": manifest["sha256"]},
        "files": [
            {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in sorted(files.items())
        ],
        "labels_sha256": hashlib.sha256(canonical_json(manifest["labels"])).hexdigest(),
    }
    if expires:
        moment = expires.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        statement["expires"] = moment.isoformat(timespec="milliseconds") + "Z"
    private, public = _load_key(key)
    message = f"{SIGNATURE_SCHEMA}\n".encode() + canonical_json(statement)
    entry = {
        "key": "ed25519:" + base64.b64encode(public).decode(),
        "signature": base64.b64encode(private.sign(message)).decode(),
    }
    document = {"schema": SIGNATURE_SCHEMA, "statement": statement, "signatures": [entry]}
    return canonical_json(document) + b"\n"


def canonical_json(value):
    """JSON as Gleaner writes it where bytes matter: keys sorted, no blanks, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _load_key(path):
    """The private key in a PEM file, and the 32 bytes of its public half. What is in the file is never told."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
    except ImportError:
        raise PackError("signing needs a package that is not installed: pip install cryptography") from None
    with open(path, "rb") as file:
        text = file.read()
    try:
        private = load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise PackError(f"{path} holds no private Ed25519 key in plain PEM: make one with gleaner model keygen NAME")
    return private, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def write_golden(folder, answers, score_tolerance=None):
    """Makes a folder for `write_bundle` of pictures and what the model says of them here.

    A device refuses a model that says something else of them there. `answers` are pairs of a picture's file and a
    prediction as a sample has it: `{"task": "classification", "classes": [{"label": "cat", "score": 0.9}, ...]}`.
    """
    frames = []
    for number, (picture, prediction) in enumerate(answers):
        name = f"{number:03}{os.path.splitext(picture)[1].lower()}"
        shutil.copy(picture, os.path.join(folder, name))
        frames.append({"file": name, "prediction": prediction})
    document = {"schema": "gleaner/golden/1", "frames": frames}
    if score_tolerance is not None:
        document["score_tolerance"] = score_tolerance
    with open(os.path.join(folder, "golden.json"), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)


def _write_folder(path, files):
    for name, data in files.items():
        target = os.path.join(path, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(data)


def _write_tar(path, files):
    # No owner, no time, no extension header: the same model always gives the same bytes.
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def _one_of(flag, value, choices):
    if value not in choices:
        raise PackError(f"{flag} is '{value}': it must be one of {', '.join(choices)}")


def _check_labels(labels):
    if not labels:
        raise PackError("there are no labels: a model has at least one class")
    seen = set()
    for label in labels:
        if not label or label != label.strip():
            raise PackError(f"the label {label!r} is empty or has blanks around it")
        if label in seen:
            raise PackError(f"the label '{label}' is there twice")
        seen.add(label)


def parse_labels(text):
    """`a,b,c`, or the name of a file with a class on each line."""
    if os.path.isfile(text):
        with open(text, encoding="utf-8") as file:
            return [line.strip() for line in file if line.strip()]
    return text.split(",")


def parse_size(text):
    """`WIDTHxHEIGHT` as two numbers."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size such as 320x240")
    return int(match[1]), int(match[2])


def parse_number(text):
    """A number or a fraction: `0.25`, `1/255`."""
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number or a fraction such as 1/255") from None


def parse_numbers(text):
    """Numbers with commas between them."""
    return [parse_number(part) for part in text.split(",")]


def parse_option(text):
    """`key=value`, where the value is JSON if it reads as such, else text."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"'{text}' is not key=value")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def parse_expiry(text):
    """A date, from its midnight in UTC on, or a time; one without an offset is in UTC."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a date or time such as 2027-06-30") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the .onnx file")
    parser.add_argument("--to", required=True, metavar="PATH", help="the bundle: a new folder, or a file ending in .tar")
    parser.add_argument("--name", required=True, help="the model's name; all its versions share it")
    parser.add_argument("--version", required=True, type=int, help="grows with each retraining")
    parser.add_argument("--task", required=True, choices=TASKS)
    parser.add_argument("--labels", required=True, help="class names in the outputs' order: a,b,c or a file of lines")
    parser.add_argument("--size", required=True, type=parse_size, metavar="WxH", help="the input's size in pixels")
    parser.add_argument("--input-name", help="the input's name in the model (default: its only input)")
    parser.add_argument("--layout", default="NCHW", choices=LAYOUTS)
    parser.add_argument("--type", default="float32", choices=TYPES)
    parser.add_argument("--color", default="RGB", choices=COLORS)
    parser.add_argument("--scale", default=1.0, type=parse_number, help="pixels are multiplied by it (default: 1)")
    parser.add_argument("--mean", default=[0.0], type=parse_numbers, help="then this is subtracted: one or per channel")
    parser.add_argument("--std", default=[1.0], type=parse_numbers, help="then they are divided by it")
    parser.add_argument("--fit", default="stretch", choices=FITS, help="when the frame's shape is not the input's")
    parser.add_argument("--filter", default="bilinear", choices=FILTERS, help="how the frame is resized")
    parser.add_argument("--pad-value", default=114, type=int, help="grey level of a letterbox's bars (default: 114)")
    parser.add_argument("--decoder", required=True, help="what reads the outputs: see `gleaner components`")
    parser.add_argument("--decoder-option", default=[], action="append", type=parse_option, metavar="KEY=VALUE")
    parser.add_argument("--trained-on", action="append", metavar="BATCH", help="id of a batch it was trained on")
    parser.add_argument("--licence")
    parser.add_argument("--embedding", help="the tensor that tells what a frame shows (default: found by Gleaner)")
    parser.add_argument("--origin", help="where the model comes from, in words")
    parser.add_argument("--golden", metavar="FOLDER", help="what write_golden made: pictures, and what the model says of them")
    parser.add_argument("--sign", metavar="KEYFILE", help="a private key (PEM) that signs the bundle")
    parser.add_argument("--expires", type=parse_expiry, metavar="WHEN", help="from when on devices refuse it (default: never)")
    given = parser.parse_args(arguments)
    if given.expires and not given.sign:
        parser.error("--expires needs --sign: only a signature ends")
    return given


def main():
    given = parse_arguments()
    try:
        with open(given.model, "rb") as file:
            model = file.read()
        manifest = manifest_for(
            model,
            name=given.name,
            version=given.version,
            task=given.task,
            labels=parse_labels(given.labels),
            width=given.size[0],
            height=given.size[1],
            decoder=given.decoder,
            input_name=given.input_name,
            layout=given.layout,
            type=given.type,
            color=given.color,
            scale=given.scale,
            mean=given.mean,
            std=given.std,
            fit=given.fit,
            filter=given.filter,
            pad_value=given.pad_value,
            decoder_options=dict(given.decoder_option),
            trained_on=given.trained_on,
            licence=given.licence,
            embedding=given.embedding,
            origin=given.origin,
        )
        write_bundle(given.to, manifest, model, given.golden, given.sign, given.expires)
    except (PackError, OSError) as error:
        sys.exit(f"pack_model.py: {error}")
    print(f"{given.to}: {given.name} version {given.version}, {len(model):,} bytes, sha256 {manifest['sha256'][:12]}")


if __name__ == "__main__":
    main()
