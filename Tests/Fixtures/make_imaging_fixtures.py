"""Writes imaging.json: what OpenCV and Pillow make of small pictures, for GleanerImagingTests.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install opencv-python-headless pillow numpy
    /tmp/venv/bin/python Tests/Fixtures/make_imaging_fixtures.py

The frames that are resized come from a formula that the tests know too, so only results are kept.
"""

import base64
import io
import json
import pathlib

import cv2
import numpy as np
from PIL import Image, __version__ as pillow_version


def pattern(width, height):
    """Rough in both directions and in every channel, so that a wrong neighbour shows."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((x * 37 + y * 101 + c * 59 + x * y * 13 + (x * x + 3 * y) * (c + 1)) % 256).astype(np.uint8)


def smooth(width, height):
    """A picture as a camera might see it: JPEG keeps it recognisable."""
    y, x = np.mgrid[0:height, 0:width]
    channels = [128 + 100 * np.sin(x / 5), 128 + 100 * np.cos(y / 4), 255 * x * y / (width * height)]
    return np.clip(np.stack(channels, 2), 0, 255).astype(np.uint8)


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def resizes():
    # No size has a pixel halfway between two: there even OpenCV follows no rule.
    sizes = [(15, 34, 20, 32), (63, 47, 20, 32), (37, 23, 48, 40), (40, 30, 20, 15), (1, 1, 4, 4), (50, 20, 9, 33)]
    for width, height, new_width, new_height in sizes:
        frame = pattern(width, height)
        size = (new_width, new_height)
        results = {
            "bilinear": cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR),
            "antialiased": np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR)),
            "nearest": cv2.resize(frame, size, interpolation=cv2.INTER_NEAREST_EXACT),
        }
        for name, result in results.items():
            yield {"width": width, "height": height, "new_width": new_width, "new_height": new_height,
                   "filter": name, "rgb": text(result)}


def encoded(image, **options):
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


def pictures():
    rgb = smooth(19, 13)
    image = Image.fromarray(rgb)
    gray = image.convert("L")
    alpha = np.dstack([rgb, np.where(np.arange(19) < 8, 0, 255).astype(np.uint8)[None].repeat(13, 0)])
    wide = (rgb.astype(np.uint16) * 257)[:, :, ::-1]
    files = {
        "jpeg 4:2:0": encoded(image, format="JPEG", quality=90, subsampling=2),
        "jpeg 4:4:4": encoded(image, format="JPEG", quality=90, subsampling=0),
        "jpeg progressive": encoded(image, format="JPEG", quality=90, progressive=True),
        "jpeg gray": encoded(gray, format="JPEG", quality=90),
        "png": encoded(image, format="PNG"),
        "png gray": encoded(gray, format="PNG"),
        "png 1 bit": encoded(gray.convert("1"), format="PNG"),
        "png palette": encoded(image.quantize(16), format="PNG"),
        "png alpha": encoded(Image.fromarray(alpha), format="PNG"),
        "png 16 bit": cv2.imencode(".png", wide)[1].tobytes(),
    }
    for name, data in files.items():
        decoded = Image.open(io.BytesIO(data))
        expected = rgb if name == "png 16 bit" else np.asarray(decoded.convert("RGB"))
        if name == "png alpha":
            expected = np.where(alpha[:, :, 3:] == 0, 0, rgb)
        yield {"name": name, "width": 19, "height": 13, "bytes": base64.b64encode(data).decode(), "rgb": text(expected)}


document = {
    "made_by": f"opencv {cv2.__version__}, pillow {pillow_version}",
    "resizes": list(resizes()),
    "pictures": list(pictures()),
}
path = pathlib.Path(__file__).with_name("imaging.json")
path.write_text(json.dumps(document, indent=1) + "\n")
