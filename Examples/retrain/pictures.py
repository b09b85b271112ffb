"""Pictures as NumPy arrays: reading and writing PNG, and the resizing that Gleaner does before inference.

Training must see what the device's model sees, pixel for pixel; so `model_input` follows the `input` part of a
bundle's manifest and resamples as Gleaner does.
"""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Samples in a pixel for the colour types of the PNG specification; 3 is a palette.
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
LUMA = np.array([0.299, 0.587, 0.114], "f4")  # ITU-R BT.601


class PictureError(Exception):
    """A picture cannot be read; the message says which and why."""


def write_png(path, pixels):
    """Writes height x width (grey) or height x width x 3 (RGB) bytes."""
    with open(path, "wb") as file:
        file.write(encode_png(pixels))


def encode_png(pixels):
    """The bytes of a PNG file of 8 bits a sample."""
    height, width = pixels.shape[:2]
    color = 0 if pixels.ndim == 2 else 2
    # Filter 1 (difference to the left neighbour) at each row's start: cheap, and good on smooth pictures.
    rows = pixels.reshape(height, width, -1).astype("u1")
    rows[:, 1:] -= rows[:, :-1].copy()
    lines = np.concatenate([np.ones((height, 1), "u1"), rows.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 1)), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def read_rgb(path):
    """A picture as height x width x 3 bytes.

    PNG of 8 bits without interlace or palette is read here; everything else needs Pillow, if it is installed.
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        pixels = _decode_png(data)
    except (struct.error, zlib.error, ValueError, IndexError) as error:
        raise PictureError(f"{path} is a damaged picture: {error}") from error
    return _read_with_pillow(path) if pixels is None else pixels


def _decode_png(data):
    """Pixels, or None when it is no PNG of the plain kind."""
    if data[:8] != SIGNATURE:
        return None
    width, height, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", data[16:29])
    if depth != 8 or interlace or color not in CHANNELS:
        return None
    packed, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        packed += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    channels = CHANNELS[color]
    lines = np.frombuffer(zlib.decompress(packed), "u1").reshape(height, 1 + width * channels)
    pixels = _unfilter(lines, width, channels)
    return np.repeat(pixels[:, :, :1], 3, axis=2) if channels < 3 else pixels[:, :, :3]


def _unfilter(lines, width, channels):
    pixels = np.zeros((len(lines) + 1, width, channels), "u1")  # a row of zeros above the first
    for row, line in enumerate(lines, 1):
        above, values = pixels[row - 1], line[1:].reshape(width, channels)
        if line[0] == 0:
            pixels[row] = values
        elif line[0] == 1:
            pixels[row] = np.cumsum(values, axis=0, dtype="u1")
        elif line[0] == 2:
            pixels[row] = values + above
        elif line[0] in (3, 4):
            _unfilter_slowly(pixels[row], values, above, _average if line[0] == 3 else _paeth)
        else:
            raise ValueError(f"row filter {line[0]} does not exist")
    return pixels[1:]


def _unfilter_slowly(out, values, above, predict):
    left = corner = np.zeros(values.shape[1], "i4")
    for x, (value, up) in enumerate(zip(values.astype("i4"), above.astype("i4"))):
        left = (value + predict(left, up, corner)) & 255
        corner = up
        out[x] = left


def _average(left, up, corner):
    return (left + up) // 2


def _paeth(left, up, corner):
    guess = left + up - corner
    a, b, c = abs(guess - left), abs(guess - up), abs(guess - corner)
    return np.where((a <= b) & (a <= c), left, np.where(b <= c, up, corner))


def _read_with_pillow(path):
    try:
        from PIL import Image
    except ImportError:
        raise PictureError(f"{path} is no plain 8-bit PNG: reading it needs `pip install pillow`") from None
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def model_input(rgb, spec):
    """A frame as the network wants it: height x width x channels floats, by a manifest's `input`."""
    if spec.get("fit", "stretch") != "stretch":
        raise PictureError(f"this trainer only stretches frames, and the model's input says fit: {spec['fit']}")
    pixels = rgb.astype("f4")
    color = spec.get("color", "RGB")
    if color == "GRAY":
        pixels = (pixels @ LUMA)[:, :, None]
    elif color == "BGR":
        pixels = pixels[:, :, ::-1]
    filter = spec.get("filter", "bilinear")
    down = resampling(pixels.shape[0], spec["height"], filter)
    across = resampling(pixels.shape[1], spec["width"], filter)
    resized = np.einsum("yh,hwc,xw->yxc", down, pixels, across, optimize=True)
    mean, std = np.array(spec.get("mean", [0]), "f4"), np.array(spec.get("std", [1]), "f4")
    return (resized * np.float32(spec.get("scale", 1)) - mean) / std


def resampling(size, target, filter):
    """The target x size matrix that resizes one axis; pixel centres lie at half-integers."""
    if filter == "nearest":
        matrix = np.zeros((target, size), "f4")
        matrix[np.arange(target), (np.arange(target) + 0.5) * size // target] = 1
        return matrix
    stretch = size / target
    reach = max(stretch, 1) if filter == "antialiased" else 1
    centre = (np.arange(target) + 0.5) * stretch - 0.5
    if reach == 1:
        centre = np.clip(centre, 0, size - 1)  # beyond the border there is more of the border
    weight = np.maximum(0, 1 - abs(np.arange(size)[None] - centre[:, None]) / reach)
    return (weight / weight.sum(axis=1, keepdims=True)).astype("f4")
