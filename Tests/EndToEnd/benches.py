"""What the benchmarks share: pictures as large as a camera's, deployments that have kept them, and a command's costs."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import synthetic
from driver import Gleaner, write_configuration
from PIL import Image


def noise(path, size, seed, **options):
    """A picture as large as a camera's of that size: noise over a gradient."""
    pixels = np.random.default_rng(seed).integers(0, 70, (size[1], size[0], 3), np.uint8)
    pixels += np.linspace(0, 180, size[0], dtype=np.uint8)[None, :, None]
    Image.fromarray(pixels).save(path, **options)


def detecting(folder):
    """A deployment with a detector, and nothing before its camera."""
    gleaner = Gleaner(os.environ["GLEANER_BIN"], folder)
    gleaner("init", folder)
    gleaner("model", "import", synthetic.write(folder / "net.onnx", synthetic.yolov8(), synthetic.ULTRALYTICS))
    (folder / "camera").mkdir()
    return gleaner


def kept(folder, configuration, draw):
    """A deployment that has kept every picture that `draw` puts before its camera."""
    gleaner = detecting(folder)
    draw(folder / "camera")
    write_configuration(folder, configuration)
    gleaner.text("run", "--until-end", timeout=3600)
    shutil.rmtree(folder / "camera")
    return gleaner


def measured(command, **environment):
    """Seconds and peak memory, in MiB, of a command."""
    begin = time.monotonic()
    words = [str(each) for each in command]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, env={**os.environ, **environment})
    peak = 0
    while process.poll() is None:
        # Not what wait4 tells: that counts what this process had when it forked.
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        peak = max([peak] + [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")])
        time.sleep(0.002)
    assert process.wait() == 0, words
    return time.monotonic() - begin, peak / 1024
