"""Compiles the runtime whose models can be told to misbehave."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from driver import ROOT

SOURCE = Path(__file__).with_name("stub_runtime.c")
FLAGS = ["-std=c11", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"]


def real_library():
    """The runtime that the tests use otherwise; `Tests/run.sh` names it."""
    named = os.environ.get("GLEANER_ONNXRUNTIME")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = [named] if named else sorted((cache / "gleaner" / "onnxruntime").glob("libonnxruntime.so*"))
    if not found:
        pytest.fail("there is no ONNX Runtime: run the tests with Tests/run.sh")
    return Path(found[-1]).resolve()


def compiler():
    """A C compiler; clang comes with Swift."""
    beside_swift = str(Path(shutil.which("swift") or "/usr/bin/swift").resolve().parent)
    path = os.pathsep.join([os.environ.get("PATH", ""), beside_swift])
    for name in (os.environ.get("CC"), "cc", "clang", "gcc"):
        if name and shutil.which(name, path=path):
            return shutil.which(name, path=path)
    return pytest.fail("there is no C compiler: on Debian, apt-get install gcc; Swift brings clang along")


def build(folder):
    """The path of the compiled library."""
    library = Path(folder) / "libonnxruntime-stub.so"
    include = ["-I", ROOT / "Sources" / "COnnxRuntime" / "include", f'-DREAL_LIBRARY="{real_library()}"']
    subprocess.run([compiler(), *FLAGS, *include, SOURCE, "-o", library, "-ldl", "-lpthread"], check=True)
    return library
