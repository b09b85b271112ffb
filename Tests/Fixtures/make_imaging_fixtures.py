"""Writes imaging.json: what OpenCV and Pillow make of small pictures, for GleanerImagingTests.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install opencv-python-headless pillow numpy
    /tmp/venv/bin/python Tests/Fixtures/make_imaging_fixtures.py

The frames that are resized come from a formula that the tests know too, so only results are kept.
"""

import base64
import io
import json
import pathlib
import zlib

import cv2
import numpy as np
from PIL import Image, ImageOps, __version__ as pillow_version


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


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def chunk(kind, content):
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def with_gamma(png, gamma):
    """A gamma chunk behind IHDR."""
    return png[:33] + chunk(b"gAMA", gamma.to_bytes(4, "big")) + png[33:]


def without_adobe(jpeg):
    """Without the segment by which Adobe's inverted inks are known."""
    place = jpeg.index(b"\xff\xee")
    return jpeg[:place] + jpeg[place + 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big") :]


def pictures():
    rgb = smooth(19, 13)
    image = Image.fromarray(rgb)
    gray = image.convert("L")
    alpha = np.dstack([rgb, (np.arange(19) * 13).astype(np.uint8)[None].repeat(13, 0)])
    wide = (rgb.astype(np.uint16) * 257)[:, :, ::-1] ^ 0x0055
    inks = Image.merge("CMYK", [*(Image.fromarray(255 - rgb).split()), Image.fromarray(rgb[:, :, 2] // 3)])
    cmyk = encoded(inks, format="JPEG", quality=95)
    palette = image.quantize(16)
    palette.info["transparency"] = bytes(range(0, 160, 10))
    files = {
        "jpeg 4:2:0": encoded(image, format="JPEG", quality=90, subsampling=2),
        "jpeg 4:4:4": encoded(image, format="JPEG", quality=90, subsampling=0),
        "jpeg progressive": encoded(image, format="JPEG", quality=90, progressive=True),
        "jpeg gray": encoded(gray, format="JPEG", quality=90),
        "jpeg gray progressive": encoded(gray, format="JPEG", quality=90, progressive=True),
        "jpeg cmyk": cmyk,
        "jpeg cmyk progressive": encoded(inks, format="JPEG", quality=95, progressive=True),
        "jpeg cmyk not by adobe": without_adobe(cmyk),
        "jpeg ycck": ycck(cmyk),
        "png": encoded(image, format="PNG"),
        "png gray": encoded(gray, format="PNG"),
        "png 1 bit": encoded(gray.convert("1"), format="PNG"),
        "png palette": encoded(image.quantize(16), format="PNG"),
        "png palette with transparency": encoded(palette, format="PNG", transparency=palette.info["transparency"]),
        "png alpha": encoded(Image.fromarray(alpha), format="PNG"),
        "png gray alpha": encoded(Image.fromarray(alpha).convert("LA"), format="PNG"),
        "png with a dark gamma": with_gamma(encoded(image, format="PNG"), 100_000),
        "png 16 bit": cv2.imencode(".png", wide)[1].tobytes(),
        "png 16 bit gray": cv2.imencode(".png", wide[:, :, 0])[1].tobytes(),
        "png 16 bit alpha": cv2.imencode(".png", np.dstack([wide, wide[:, :, 0]]))[1].tobytes(),
    }
    files |= {
        f"jpeg turned {number}": encoded(image, format="JPEG", quality=90, subsampling=0, exif=exif(number))
        for number in range(1, 9)
    }
    for name, data in files.items():
        pillow = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
        opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
        # Pillow has no 8-bit RGB of 16 bits of grey: it clips instead of scaling.
        expected = opencv if "16 bit" in name else pillow
        apart = int(np.abs(pillow.astype(int) - opencv).max()) if "16 bit" not in name else 0
        yield {"name": name, "width": expected.shape[1], "height": expected.shape[0], "apart": apart,
               "bytes": base64.b64encode(data).decode(), "rgb": text(expected)}


def ycck(cmyk):
    """A JPEG whose inks are stored as brightness, colours and black: Adobe's transform 2."""
    inks = np.asarray(Image.open(io.BytesIO(cmyk)).convert("CMYK")).astype(float)
    # Brightness and colours of the inks' complement, as libjpeg has them.
    r, g, b = (inks[:, :, channel] for channel in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    planes = [y, (b - y) / 1.772 + 128, (r - y) / 1.402 + 128, inks[:, :, 3]]
    raw = Image.fromarray(np.clip(np.stack(planes, 2), 0, 255).round().astype(np.uint8), "CMYK")
    data = bytearray(encoded(raw, format="JPEG", quality=95))
    place = data.index(b"Adobe")
    data[place + 11] = 2
    return bytes(data)


document = {
    "made_by": f"opencv {cv2.__version__}, pillow {pillow_version}",
    "resizes": list(resizes()),
    "pictures": list(pictures()),
}
path = pathlib.Path(__file__).with_name("imaging.json")
path.write_text(json.dumps(document, indent=1) + "\n")
