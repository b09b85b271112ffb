"""The kernel that fills a model's input beside OpenCV, each in turn; see ../bench.sh."""

import os
import subprocess
import time

import cv2
import numpy as np

MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def letterbox(frame, height, width):
    """1/255, without the padding, which does not change."""
    resized = cv2.resize(frame, (width, 198), interpolation=cv2.INTER_LINEAR)
    return cv2.dnn.blobFromImage(resized, 1 / 255)


def crop(frame, height, width):
    resized = cv2.resize(frame, (299, height), interpolation=cv2.INTER_AREA)[:, 37 : 37 + width]
    return cv2.dnn.blobFromImage((resized.astype(np.float32) / 255 - MEAN) / STD)


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
    fill, frame_size, size = KERNELS[name]
    frame = np.random.default_rng(1).integers(0, 256, (*frame_size, 3), np.uint8)
    cv2.setNumThreads(1)

    def ours():
        words = [os.environ["KERNEL_BENCH"], "seconds", name, str(count)]
        return float(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)

    def theirs():
        fill(frame, *size)
        begin = time.thread_time()
        for _ in range(count):
            fill(frame, *size)
        return time.thread_time() - begin

    return ours, theirs
