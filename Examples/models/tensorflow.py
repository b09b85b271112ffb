#!/usr/bin/env python3
"""Make a Gleaner model bundle of a TensorFlow model: a SavedModel folder, a .tflite file, or a frozen graph (.pb).

Needs the packages tensorflow (or tensorflow-cpu) and tf2onnx, which converts; the rest is told to Gleaner. Size,
layout and type are read from the model. What the pixels must be is not in it: without --scale, --mean and --std they
go in as they are, 0 to 255 (a Keras model often has a Rescaling layer for that).

  A classifier of meter digits:
    tensorflow.py saved_model/meter-digits --to meter-1.tar --labels 0,1,2,3,4,5,6,7,8,9 --name meter-digits

  Its quantised form; how the numbers are quantised is read from the file:
    tensorflow.py meter_int8.tflite --to meter-2.tar --labels 0,1,2,3,4,5,6,7,8,9 --name meter-digits --version 2

  A classifier without a softmax inside:
    tensorflow.py dig-class100.tflite --to meter-100 --labels classes.txt --decoder-option activation=logits

  A frozen graph does not say what goes in and comes out:
    tensorflow.py frozen.pb --to fruit.tar --labels fruit.txt --inputs image:0 --outputs prediction/Softmax:0
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

# Only what this script needs: its own folder has files that are named as frameworks are.
sys.path[0] = str(Path(__file__).resolve().parents[1] / "retrain")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import onnx  # noqa: E402
import pack_model  # noqa: E402
from onnx import TensorProto  # noqa: E402

# Old enough for ONNX Runtime 1.12.
OPSET = 13

TYPES = {
    TensorProto.FLOAT: "float32",
    TensorProto.FLOAT16: "float16",
    TensorProto.UINT8: "uint8",
    TensorProto.INT8: "int8",
}


class ConversionError(Exception):
    """The model cannot be converted; the message says what is in the way, and what to do."""


def convert(path, folder, inputs, outputs):
    """The ONNX model that tf2onnx makes of a model file."""
    path, result = Path(path), Path(folder) / "model.onnx"
    if path.is_dir():
        source = ["--saved-model", path]
    elif path.suffix == ".tflite":
        source = ["--tflite", path]
    elif path.suffix == ".pb":
        if not inputs or not outputs:
            raise ConversionError(
                f"{path} is a frozen graph, which does not name its ends: give --inputs and --outputs"
            )
        source = ["--graphdef", path]
    else:
        raise ConversionError(
            f"{path} is no folder of a SavedModel, no .tflite and no .pb; Keras makes a folder of its own files: "
            "keras.models.load_model(file).export('saved_model')"
        )
    ends = [word for flag, value in (("--inputs", inputs), ("--outputs", outputs)) if value for word in (flag, value)]
    # -P: the folder that this is called from may have a tensorflow.py, as that of this script has.
    command = [sys.executable, "-P", "-m", "tf2onnx.convert", *source, *ends, "--opset", OPSET, "--output", result]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode or not result.exists():
        raise ConversionError(f"tf2onnx does not convert {path}:\n{done.stderr[-2000:]}")
    return onnx.load(result)


def described_input(model, layout, size):
    """Name, layout, width, height and type of the model's only input."""
    constants = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in constants]
    if len(inputs) != 1:
        raise ConversionError(f"the model has {len(inputs)} inputs: Gleaner gives it one, the frame")
    tensor = inputs[0].type.tensor_type
    if tensor.elem_type not in TYPES:
        kind = TensorProto.DataType.Name(tensor.elem_type)
        raise ConversionError(f"the input is {kind}: Gleaner gives {', '.join(TYPES.values())}")
    shape = [each.dim_value for each in tensor.shape.dim]
    if len(shape) != 4:
        raise ConversionError(f"the input has {len(shape)} dimensions: a frame has four")
    layout = layout or ("NCHW" if shape[1] in (1, 3) and shape[3] not in (1, 3) else "NHWC")
    height, width = shape[1:3] if layout == "NHWC" else shape[2:]
    channels = shape[3] if layout == "NHWC" else shape[1]
    if not (width and height):
        if not size:
            raise ConversionError("the model takes frames of any size: choose one with --size")
        width, height = size
    elif size and size != (width, height):
        raise ConversionError(f"the model takes {width}x{height}, and --size is {size[0]}x{size[1]}")
    return {
        "input_name": inputs[0].name,
        "layout": layout,
        "width": width,
        "height": height,
        "type": TYPES[tensor.elem_type],
        "channels": channels,
    }


def quantisation(path):
    """Scale and zero point of a .tflite's first input and output; (0, 0) where it is not quantised."""
    import tensorflow as tf

    with warnings.catch_warnings():
        # TensorFlow announces that its interpreter moves to a package of its own.
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(str(path))
    return interpreter.get_input_details()[0]["quantization"], interpreter.get_output_details()[0]["quantization"]


def pixels(given, kind, quantised):
    """What a pixel goes through: as told, and into whole numbers where the input is quantised."""
    told = [given.scale, given.mean, given.std]
    scale, mean, std = given.scale or 1.0, given.mean or [0.0], given.std or [1.0]
    if kind in ("float32", "float16"):
        return scale, mean, std
    if all(each is None for each in told):
        # The darkest pixel is the smallest number, the brightest the largest.
        return 1.0, [128.0 if kind == "int8" else 0.0], [1.0]
    step, zero = quantised
    count = max(len(mean), len(std))
    mean, std = (values * count if len(values) == 1 else values for values in (mean, std))
    # (v - mean) / std / step + zero, as one subtraction and one division.
    return scale, [m - zero * s * step for m, s in zip(mean, std)], [s * step for s in std]


def decoder_options(given, model, quantised):
    """The options told, and how a quantised classifier's numbers become probabilities."""
    options = {}
    kind = model.graph.output[0].type.tensor_type.elem_type
    if given.decoder == "classification" and kind in (TensorProto.UINT8, TensorProto.INT8) and quantised[0]:
        step, zero = quantised
        options = {"activation": "quantised", "quantised_scale": float(step), "quantised_zero_point": int(zero)}
    return options | dict(given.decoder_option)


def name_of(path):
    """A file's name as a model's: small letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9._-]+", "-", Path(path).resolve().stem.lower()).strip("-._")[:64]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a SavedModel's folder, a .tflite file or a frozen graph's .pb")
    parser.add_argument(
        "--to", required=True, metavar="PATH", help="the bundle: a new folder, or a file ending in .tar"
    )
    parser.add_argument("--labels", required=True, help="class names in the model's order: a,b,c or a file of lines")
    parser.add_argument("--name", help="the model's name; all its versions share it (default: the file's)")
    parser.add_argument("--version", default=1, type=int, help="grows with each retraining (default: 1)")
    parser.add_argument("--task", default="classification", choices=pack_model.TASKS)
    parser.add_argument("--size", type=pack_model.parse_size, metavar="WxH", help="where the model takes any")
    parser.add_argument("--layout", choices=pack_model.LAYOUTS, help="default: seen by where the channels are")
    parser.add_argument("--color", choices=pack_model.COLORS, help="default: RGB, or GRAY for one channel")
    parser.add_argument("--scale", type=pack_model.parse_number, help="pixels are multiplied by it (default: 1)")
    parser.add_argument("--mean", type=pack_model.parse_numbers, help="then this is subtracted: one or per channel")
    parser.add_argument("--std", type=pack_model.parse_numbers, help="then they are divided by it")
    parser.add_argument(
        "--inputs", help="of a frozen graph: its input, maybe with a shape, such as data:0[1,300,300,3]"
    )
    parser.add_argument("--outputs", help="of a frozen graph: its outputs, with commas between them")
    parser.add_argument("--decoder", default="classification", help="what reads the outputs: see `gleaner components`")
    parser.add_argument(
        "--decoder-option", default=[], action="append", type=pack_model.parse_option, metavar="KEY=VALUE"
    )
    parser.add_argument("--licence")
    parser.add_argument("--origin", help="where the model comes from, in words")
    return parser.parse_args()


def bundle(given, folder):
    """Converts as told and writes the bundle; returns its manifest."""
    model = convert(given.model, folder, given.inputs, given.outputs)
    onnx.checker.check_model(model)
    data = model.SerializeToString(deterministic=True)
    described = described_input(model, given.layout, given.size)
    channels = described.pop("channels")
    color = given.color or ("GRAY" if channels == 1 else "RGB")
    ends = quantisation(given.model) if given.model.endswith(".tflite") else ((0.0, 0), (0.0, 0))
    scale, mean, std = pixels(given, described["type"], ends[0])
    manifest = pack_model.manifest_for(
        data,
        **described,
        name=given.name or name_of(given.model),
        version=given.version,
        task=given.task,
        labels=pack_model.parse_labels(given.labels),
        color=color,
        scale=scale,
        mean=mean,
        std=std,
        decoder=given.decoder,
        decoder_options=decoder_options(given, model, ends[1]),
        licence=given.licence,
        origin=given.origin,
    )
    pack_model.write_bundle(given.to, manifest, data)
    return manifest


def main():
    given = parse_arguments()
    try:
        with tempfile.TemporaryDirectory() as folder:
            manifest = bundle(given, folder)
    except (ConversionError, pack_model.PackError, onnx.checker.ValidationError, OSError) as error:
        sys.exit(f"tensorflow.py: {error}")
    taken = manifest["input"]
    print(
        f"{given.to}: {manifest['name']} version {given.version}, {taken['type']} {taken['layout']} "
        f"{taken['width']}x{taken['height']}, decoder {manifest['decoder']}"
    )


if __name__ == "__main__":
    main()
