"""A camera on the device, played by a library that is loaded before all others; see v4l2_double.c."""

import subprocess
from pathlib import Path

from badmodels.stub import compiler

SOURCE = Path(__file__).with_name("v4l2_double.c")
FLAGS = ["-std=c11", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]


def build(folder):
    """The path of the compiled library."""
    library = Path(folder) / "v4l2-double.so"
    subprocess.run([compiler(), *FLAGS, SOURCE, "-o", library, "-ldl"], check=True)
    return library


class Camera:
    """Plugged in while its file is there; shows what the file holds."""

    def __init__(self, path):
        self.path = path

    def show(self, frame):
        partial = self.path.with_suffix(".partial")
        partial.write_bytes(frame)
        partial.rename(self.path)

    def unplug(self):
        self.path.unlink()
