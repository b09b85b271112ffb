#!/usr/bin/env python3
"""Loads a classifier through a runtime's C interface and runs it on noise, without Gleaner.

    try_model.py LIBRARY MODEL --runs 5 [--bound] [WORD...]

Prints a line for each run: its scores, or the runtime's error. The words say nothing here: a mark may ask for one of
them with `in=`. Only slots of the table that Gleaner uses too are called, by their numbers.
"""

import argparse
import ctypes
import random
from pathlib import Path

API_VERSION = 12
CLASS_COUNT = 10
PIXELS = (1, 3, 30, 20)
FLOAT = 1


class Runtime:
    """The table of functions, and the one session over it."""

    def __init__(self, library):
        get_base = ctypes.CDLL(library).OrtGetApiBase
        get_base.restype = ctypes.POINTER(ctypes.c_void_p)
        base = get_base()
        self.version = ctypes.CFUNCTYPE(ctypes.c_char_p)(base[1])().decode()
        table = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)(base[0])(API_VERSION)
        self.table = ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))

    def call(self, slot, *arguments):
        """Calls a function that may fail."""
        function = ctypes.CFUNCTYPE(ctypes.c_void_p, *[type(each) for each in arguments])(self.table[slot])
        status = function(*arguments)
        if status:
            message = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)(self.table[2])
            raise RuntimeError(message(status).decode())

    def get(self, slot, *arguments):
        """Calls a function whose last parameter receives what it makes."""
        out = ctypes.c_void_p()
        self.call(slot, *arguments, ctypes.cast(ctypes.byref(out), ctypes.c_void_p))
        return out

    def load(self, model):
        environment = self.get(3, ctypes.c_int(4), ctypes.c_char_p(b"try"))
        options = self.get(10)
        self.call(24, options, ctypes.c_int(1))
        return self.get(8, environment, ctypes.c_char_p(model), ctypes.c_size_t(len(model)), options)

    def tensor(self, values, shape):
        """A value over the memory of a ctypes array."""
        memory = self.get(69, ctypes.c_int(0), ctypes.c_int(0))
        sides = (ctypes.c_int64 * len(shape))(*shape)
        size = ctypes.c_size_t(ctypes.sizeof(values))
        start, sides = (ctypes.cast(each, ctypes.c_void_p) for each in (values, sides))
        return self.get(49, memory, start, size, sides, ctypes.c_size_t(len(shape)), ctypes.c_int(FLOAT))


def names(name):
    return ctypes.cast((ctypes.c_char_p * 1)(name), ctypes.c_void_p)


def runner(runtime, session, pixels, bound):
    """A function that runs the model once and returns its scores."""
    scores = (ctypes.c_float * CLASS_COUNT)()
    image, out = runtime.tensor(pixels, PIXELS), runtime.tensor(scores, (1, CLASS_COUNT))
    one, nothing = ctypes.c_size_t(1), ctypes.c_void_p()
    if bound:
        binding = runtime.get(134, session)
        runtime.call(136, binding, ctypes.c_char_p(b"image"), image)
        runtime.call(137, binding, ctypes.c_char_p(b"scores"), out)
        call = lambda: runtime.call(133, session, nothing, binding)  # noqa: E731
    else:
        inputs, outputs = ((ctypes.c_void_p * 1)(each) for each in (image, out))
        places = [ctypes.cast(each, ctypes.c_void_p) for each in (inputs, outputs)]
        words = [session, nothing, names(b"image"), places[0], one, names(b"scores"), one, places[1]]
        call = lambda kept=(inputs, outputs): runtime.call(9, *words)  # noqa: E731

    def run():
        call()
        return list(scores)

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("model", type=Path)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--bound", action="store_true", help="with inputs and outputs bound, as Gleaner runs models")
    parser.add_argument("words", nargs="*")
    given = parser.parse_intermixed_args()
    runtime = Runtime(given.library)
    pixels = (ctypes.c_float * (PIXELS[1] * PIXELS[2] * PIXELS[3]))()
    noise = random.Random(1)
    try:
        run = runner(runtime, runtime.load(given.model.read_bytes()), pixels, given.bound)
    except RuntimeError as error:
        return print(f"error: {error}", flush=True)
    for _ in range(given.runs):
        pixels[:] = [noise.random() for _ in pixels]
        try:
            print(" ".join(f"{score:.6f}" for score in run()), flush=True)
        except RuntimeError as error:
            print(f"error: {error}", flush=True)


if __name__ == "__main__":
    main()
