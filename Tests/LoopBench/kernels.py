"""What OpenCV takes to fill a model's input, beside the kernel that does it here; see ../bench.sh.

    python kernels.py NAME COUNT    prints the processor's seconds of so many runs
"""

import os
import subprocess
import sys
import time

import cv2
import numpy as np

MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
# Else arrays of this size go back to the system after each run, and every page is asked for anew: three times as slow.
MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(1 << 30)}


def letterbox(frame, height, width):
    """Without the padding, which does not change."""
    return cv2.dnn.blobFromImage(cv2.resize(frame, (width, 198), interpolation=cv2.INTER_LINEAR), 1 / 255)


def crop(frame, height, width):
    resized = cv2.resize(frame, (299, height), interpolation=cv2.INTER_AREA)[:, 37 : 37 + width]
    # One scale for all channels is all that it knows.
    blob = cv2.dnn.blobFromImage(resized, 1 / 255)
    blob -= MEAN[None, :, None, None]
    blob /= STD[None, :, None, None]
    return blob


def gray(frame, height, width):
    resized = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (width, height), interpolation=cv2.INTER_AREA)
    return cv2.dnn.blobFromImage(resized, 1 / 255)


# By the kernel's name: what OpenCV does instead, the frame's height and width, and the input's.
KERNELS = {
    "fill_letterbox": (letterbox, (720, 1280), (352, 352)),
    "fill_crop": (crop, (480, 640), (224, 224)),
    "fill_gray": (gray, (480, 640), (48, 48)),
}


def sides(name, count):
    """Two functions that give the processor's seconds of so many runs: of our kernel and of OpenCV."""

    def seconds(*words):
        output = subprocess.run(words, check=True, stdout=subprocess.PIPE, env={**os.environ, **MEMORY}).stdout
        return float(output)

    return (
        lambda: seconds(os.environ["KERNEL_BENCH"], "seconds", name, str(count)),
        lambda: seconds(sys.executable, __file__, name, str(count)),
    )


def main():
    fill, frame_size, size = KERNELS[sys.argv[1]]
    frame = np.random.default_rng(1).integers(0, 256, (*frame_size, 3), np.uint8)
    cv2.setNumThreads(1)
    for _ in range(3):
        fill(frame, *size)
    begin = time.thread_time()
    for _ in range(int(sys.argv[2])):
        fill(frame, *size)
    print(time.thread_time() - begin)


if __name__ == "__main__":
    main()
