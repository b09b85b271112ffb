#!/usr/bin/env python3
"""Make a Gleaner model bundle of a PyTorch network whose weights are in a state dict, here FastestDet's.

A .pth file with a state dict holds numbers and names, not the network: the network's class must be there too. This
script has FastestDet's; for a network of yours replace `network()`, and what `main` says of pixels and decoder. The
rest (`load`, `export`) stays as it is. Needs torch (1.13 or newer; its processor build will do), and with torch 2 the
package onnx.

  pytorch.py FastestDet.pth --labels coco.names --to fastestdet.tar --name fastestdet
"""

import argparse
import importlib.util
import inspect
import io
import sys
import warnings
from collections import OrderedDict
from pathlib import Path

# Only what this script needs: its own folder has files that are named as frameworks are.
sys.path[0] = str(Path(__file__).resolve().parents[1] / "retrain")

import pack_model  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

# Old enough for ONNX Runtime 1.12, new enough for torch's present exporter.
OPSET = 13


class ConversionError(Exception):
    """The weights do not fit the network; the message says what is in the way."""


def convolution(inputs, outputs, size=1, stride=1, groups=1, is_active=True):
    """A convolution with its normalisation, and what makes it non-linear."""
    layers = [
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return layers + [nn.ReLU(inplace=True)] * is_active


def depthwise(channels, size, stride=1, is_active=False):
    return convolution(channels, channels, size, stride, channels, is_active)


def within(**parts):
    """Parts under names: the state dict's names say how they are nested."""
    return nn.Sequential(OrderedDict(parts))


class Shuffle(nn.Module):
    """ShuffleNetV2's unit: part of the channels goes through the main branch, the rest passes by."""

    def __init__(self, channels, inputs=None):
        super().__init__()
        self.is_first = inputs is not None
        inputs, stride = (inputs, 2) if self.is_first else (channels, 1)
        self.branch_main = nn.Sequential(
            *convolution(inputs, channels), *depthwise(channels, 3, stride), *convolution(channels, channels)
        )
        if self.is_first:
            self.branch_proj = nn.Sequential(*depthwise(inputs, 3, stride), *convolution(inputs, channels))

    def forward(self, x):
        if self.is_first:
            return torch.cat((self.branch_proj(x), self.branch_main(x)), 1)
        batch, channels, height, width = x.shape
        pairs = x.reshape(batch, channels // 2, 2, height, width)
        return torch.cat((pairs[:, :, 0], self.branch_main(pairs[:, :, 1])), 1)


class Backbone(nn.Module):
    """ShuffleNetV2: its last three stages see the picture at an eighth, a sixteenth and a thirty-second."""

    def __init__(self, first, stages):
        super().__init__()
        self.first_conv = nn.Sequential(*convolution(3, first, 3, 2))
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = first
        for number, (channels, repeats) in enumerate(stages, 2):
            units = [Shuffle(channels // 2, inputs)] + [Shuffle(channels // 2) for _ in range(repeats - 1)]
            setattr(self, f"stage{number}", nn.Sequential(*units))
            inputs = channels

    def forward(self, x):
        eighth = self.stage2(self.maxpool(self.first_conv(x)))
        sixteenth = self.stage3(eighth)
        return eighth, sixteenth, self.stage4(sixteenth)


class Pyramid(nn.Module):
    """Looks at the joined stages through one, two and three wide convolutions one after the other."""

    def __init__(self, inputs, channels):
        super().__init__()
        self.Conv1x1 = within(conv1x1=nn.Sequential(*convolution(inputs, channels)))
        for depth in (1, 2, 3):
            layers = [layer for _ in range(depth) for layer in depthwise(channels, 5, is_active=True)]
            setattr(self, f"S{depth}", nn.Sequential(*layers))
        self.output = nn.Sequential(*convolution(3 * channels, channels, is_active=False))

    def forward(self, x):
        x = self.Conv1x1(x)
        joined = torch.cat((self.S1(x), self.S2(x), self.S3(x)), 1)
        return torch.relu(x + self.output(joined))


class Head(nn.Module):
    """For each cell: whether it holds an object's centre, its box, and the classes' probabilities."""

    def __init__(self, channels, class_count):
        super().__init__()
        self.conv1x1 = within(conv1x1=nn.Sequential(*convolution(channels, channels)))
        for name, outputs in (("obj", 1), ("reg", 4), ("cls", class_count)):
            layers = depthwise(channels, 5, is_active=True) + convolution(channels, outputs, is_active=False)
            setattr(self, f"{name}_layers", within(conv5x5=nn.Sequential(*layers)))

    def forward(self, x):
        x = self.conv1x1(x)
        objects, classes = torch.sigmoid(self.obj_layers(x)), torch.softmax(self.cls_layers(x), 1)
        return torch.cat((objects, self.reg_layers(x), classes), 1)


class FastestDet(nn.Module):
    """Written from the names and shapes of its state dict; all its stages meet at a sixteenth of the picture."""

    def __init__(self, class_count):
        super().__init__()
        self.backbone = Backbone(24, [(48, 4), (96, 8), (192, 4)])
        self.down = nn.AvgPool2d(3, 2, 1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.SPP = Pyramid(48 + 96 + 192, 96)
        self.detect_head = Head(96, class_count)

    def forward(self, x):
        eighth, sixteenth, thirtysecond = self.backbone(x)
        joined = torch.cat((self.down(eighth), sixteenth, self.up(thirtysecond)), 1)
        return self.detect_head(self.SPP(joined))


def network(class_count):
    """The network that the state dict is of: put your own here."""
    return FastestDet(class_count)


def load(path, class_count):
    """The network with its weights, ready to predict."""
    # Only numbers are read: a .pth file can hold code, which must not run.
    state = torch.load(path, map_location="cpu", weights_only=True)
    model = network(class_count)
    try:
        model.load_state_dict(state.get("state_dict", state))
    except RuntimeError as error:
        raise ConversionError(f"{path} does not fit the network: {error}") from None
    return model.eval()


def export(model, width, height):
    """The ONNX model's bytes, with one picture of a fixed size as its input."""
    options = {"opset_version": OPSET, "input_names": ["image"], "output_names": ["cells"]}
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        # The newer exporter needs onnxscript too, and gives what ONNX Runtime 1.12 cannot read.
        options["dynamo"] = False
        if importlib.util.find_spec("onnx") is None:
            raise ConversionError("this torch exports with the help of the package onnx: pip install onnx")
    file = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, torch.zeros(1, 3, height, width), file, **options)
    return file.getvalue()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", help="the .pth file with the state dict")
    parser.add_argument(
        "--to", required=True, metavar="PATH", help="the bundle: a new folder, or a file ending in .tar"
    )
    parser.add_argument("--labels", required=True, help="class names in the model's order: a,b,c or a file of lines")
    parser.add_argument(
        "--size", default=(352, 352), type=pack_model.parse_size, metavar="WxH", help="default: 352x352"
    )
    parser.add_argument("--name", default="fastestdet", help="the model's name; all its versions share it")
    parser.add_argument("--version", default=1, type=int, help="grows with each retraining (default: 1)")
    parser.add_argument(
        "--score-min", default=0.65, type=float, help="from here on it claims an object (default: 0.65)"
    )
    parser.add_argument("--nms-iou", default=0.45, type=float, help="boxes that overlap more are one (default: 0.45)")
    parser.add_argument("--licence")
    parser.add_argument("--origin", help="where the model comes from, in words")
    return parser.parse_args()


def main():
    given = parse_arguments()
    width, height = given.size
    try:
        labels = pack_model.parse_labels(given.labels)
        if width % 32 or height % 32:
            raise ConversionError(f"the size {width}x{height} is no multiple of 32: its stages would not meet")
        data = export(load(given.weights, len(labels)), width, height)
        manifest = pack_model.manifest_for(
            data,
            name=given.name,
            version=given.version,
            task="detection",
            labels=labels,
            width=width,
            height=height,
            input_name="image",
            color="BGR",
            scale=1 / 255,
            decoder="fastestdet",
            decoder_options={"score_min": given.score_min, "nms_iou": given.nms_iou},
            licence=given.licence,
            origin=given.origin,
        )
        pack_model.write_bundle(given.to, manifest, data)
    except (ConversionError, pack_model.PackError, OSError) as error:
        sys.exit(f"pytorch.py: {error}")
    print(f"{given.to}: {given.name} version {given.version}, {len(data):,} bytes, by torch {torch.__version__}")


if __name__ == "__main__":
    main()
