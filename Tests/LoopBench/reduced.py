"""What a model sees of a JPEG that was decoded only as far as its input needs, beside one that was decoded whole.

    python reduced.py FOLDER [SIDE...]

For inputs of SIDE x SIDE pixels (48, 64, 96 and 112): the mean difference in grey levels of 255, over the pictures of
the folder that are large enough; beside it what other small choices change: encoding the picture once more (quality
90), and averaging over boxes where the model wants triangles. Halving is libjpeg's, as in TurboJPEG; so is Pillow's.
"""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image


def scaled(size, side):
    """A frame's size once its shorter side is the input's."""
    ratio = max(side / size[0], side / size[1])
    return tuple(max(side, round(each * ratio)) for each in size)


def difference(one, other):
    return np.abs(np.asarray(one, int) - np.asarray(other, int)).mean()


def compare(path, side):
    """Mean differences by halving, by encoding anew and by another filter; none where nothing is halved."""
    whole = Image.open(path).convert("RGB")
    size = scaled(whole.size, side)
    fitting = [each for each in (1, 2, 3) if all(a >> each >= 2 * b for a, b in zip(whole.size, size))]
    if not fitting:
        return None
    halved = Image.open(path)
    halved.draft("RGB", tuple(each >> fitting[-1] for each in whole.size))
    file = io.BytesIO()
    whole.save(file, "JPEG", quality=90)
    seen = whole.resize(size, Image.Resampling.BILINEAR)
    return [
        difference(seen, halved.convert("RGB").resize(size, Image.Resampling.BILINEAR)),
        difference(seen, Image.open(file).convert("RGB").resize(size, Image.Resampling.BILINEAR)),
        difference(seen, whole.resize(size, Image.Resampling.BOX)),
    ]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    paths = sorted(Path(sys.argv[1]).rglob("*.jpg"))
    print("side  pictures  halved  encoded anew  other filter")
    for side in map(int, sys.argv[2:] or (48, 64, 96, 112)):
        found = [each for path in paths if (each := compare(path, side))]
        means = np.mean(found, axis=0) if found else [float("nan")] * 3
        print(f"{side:4}  {len(found):8}  {means[0]:6.2f}  {means[1]:12.2f}  {means[2]:12.2f}")


if __name__ == "__main__":
    main()
