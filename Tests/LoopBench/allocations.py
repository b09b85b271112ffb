"""Counts what a frame allocates, and prints who does it and where; see allocations.c.

    python allocations.py [--frames N] [--model FOLDER] [--video FILE FILE]

A run over few frames is taken off a run over many, so that a start does not count. Nothing is kept: what is counted is
what each frame takes, day and night. `--video` names a short video and a longer one instead of pictures.
"""

import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "EndToEnd"))
import bundles  # noqa: E402
import networks  # noqa: E402
from benches import noise  # noqa: E402
from driver import Gleaner, write_configuration  # noqa: E402

FLAGS = ["-std=c11", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
# The writer's work is done once for a whole group of frames.
LOOP = ("reader", "preparer", "judge", "keeper")
THREADS = (*LOOP, "writer")
# Allocates because whoever calls it needs something.
PLUMBING = re.compile(r"(ld-|libc\.|libm\.|libgcc|libstdc|libswift|lib_?Foundation|libdispatch|libBlocks|allocations)")
# In a Swift symbol; functions of the standard library that were compiled for a package have its name in theirs.
PACKAGE = re.compile(r"\d(gleaner|Gleaner[A-Z][a-z]+|GRDB|Logging)")
# They take turns.
PICTURES = 50
# Clang, a symboliser and a demangler come with Swift.
TOOLS = Path(shutil.which("swift") or "swift").resolve().parent


def build(folder):
    """The path of the compiled library."""
    library = Path(folder) / "allocations.so"
    words = [TOOLS / "clang", *FLAGS, HERE / "allocations.c", "-o", library, "-ldl", "-lpthread"]
    subprocess.run(list(map(str, words)), check=True)
    return library


def ways(library, command, path):
    """How many allocations of a command came about in which way."""
    settings = {"LD_PRELOAD": str(library), "GLEANER_ALLOCATIONS": str(path), "GLEANER_THREADS": " ".join(THREADS)}
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, env={**os.environ, **settings})
    found = collections.Counter()
    for line in path.read_text().splitlines():
        thread, count, *callers = line.split("\t")
        assert thread != "lost", "there are more ways than the library has room for"
        found[thread, tuple(callers)] += int(count)
    return found


class Symbols:
    """The functions of the program, by their offsets in it; inlined ones first."""

    def __init__(self, program, offsets):
        words = [TOOLS / "llvm-symbolizer", f"--obj={program}", "--output-style=JSON", "--no-demangle"]
        lines = self._output(words, offsets)
        self.functions = {
            answer["Address"]: [
                (each["FunctionName"], Path(each["FileName"]).name, each["Line"]) for each in answer["Symbol"]
            ]
            for answer in map(json.loads, lines)
        }
        names = sorted({name for functions in self.functions.values() for name, _, _ in functions})
        words = [TOOLS / "swift-demangle", "--simplified", "--compact"]
        self.readable = dict(zip(names, self._output(words, names)))

    @staticmethod
    def _output(words, lines):
        words, text = list(map(str, words)), "\n".join(lines)
        return subprocess.run(words, check=True, input=text, capture_output=True, text=True).stdout.splitlines()

    def place(self, callers):
        """Whose allocation it is, and by way of which functions."""
        owner, path = None, []
        for caller in callers:
            name, offset = caller.rsplit("+", 1)
            name = Path(name).name
            if name != "gleaner":
                if not owner and not PLUMBING.match(name):
                    return name, ""
                continue
            for function, file, line in self.functions[offset]:
                found = PACKAGE.search(function)
                owner = owner or (found and found[1])
                if owner:
                    path.append(f"{self.readable[function]} ({file}:{line})")
        return owner or "?", " < ".join(path[:4])


def places(more, less, frames):
    """Allocations a frame by thread, owner and place."""
    callers = {tuple(each.rsplit("+", 1)) for _, way in [*more, *less] for each in way}
    program = os.environ["GLEANER_BIN"]
    symbols = Symbols(program, sorted(offset for name, offset in callers if Path(name).name == "gleaner"))
    found = collections.Counter()
    for sign, part in ((1, more), (-1, less)):
        for (thread, way), count in part.items():
            found[(thread, *symbols.place(way))] += sign * count / frames
    return found


def links(folder, pictures, count):
    """A camera's folder, with names as long as a camera's; the files take no room."""
    folder.mkdir()
    for number in range(count):
        os.link(pictures[number % len(pictures)], folder / f"frame-{number:010}.jpg")
    return f"folder:{folder}"


def per_frame(work, model, frames, few=500, videos=()):
    """Allocations a frame by thread, owner and place, where no frame is kept."""
    work.mkdir(exist_ok=True)
    library = build(work)
    pictures = [work / f"{number}.jpg" for number in range(PICTURES)]
    for number, picture in enumerate(pictures):
        noise(picture, (320, 240), number, quality=75)
    runs = []
    for number, count in enumerate((few, few + frames)):
        folder = work / f"ours-{number}"
        source = f"video:{videos[number]}" if videos else links(work / f"camera-{number}", pictures, count)
        gleaner = Gleaner(os.environ["GLEANER_BIN"], folder)
        gleaner("init", folder)
        gleaner("model", "import", model)
        write_configuration(
            folder,
            f"source: {json.dumps(str(source))}\nselection: {{budget: {{share: 0.00001}}, audit_share: 0}}\n"
            "storage: {quota: 20 GiB, keep_free: 1 GiB}\ninference: {threads: 1}\n",
        )
        found = ways(library, gleaner.command("run", "--until-end"), work / f"ways-{number}.txt")
        status = gleaner("status")["frames"]
        assert status["offered"] == status["rejected"] > 0, status
        runs.append((status["offered"], found))
    (less_count, less), (more_count, more) = runs
    return places(more, less, more_count - less_count)


def ours(found):
    """What Gleaner's own code allocates a frame in the threads of the loop."""
    return sum(count for (thread, owner, _), count in found.items() if thread in LOOP and "leaner" in owner)


def by_owner(found):
    """The same of each thread and owner, without what is done once in a while."""
    sums = collections.Counter()
    for (thread, owner, _), count in found.items():
        sums[f"{thread}: {owner}"] += count
    return {name: round(count, 2) for name, count in sorted(sums.items()) if count > 0.005}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--model", type=Path, help="a folder with model.json and model.onnx; a small classifier else")
    parser.add_argument("--video", type=Path, nargs=2, default=())
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gleaner-allocations-") as work:
        work = Path(work)
        model = bundles.make(given.model, work / "bundle") if given.model else networks.small(work / "net.onnx")
        found = per_frame(work / "runs", model, given.frames, videos=given.video)
    for (thread, owner, place), count in found.most_common():
        if count > 0.005 and place:
            print(f"{count:8.3f} {thread:9} {place}")
    print(json.dumps({"ours": round(ours(found), 2), **by_owner(found)}, indent=2))


if __name__ == "__main__":
    main()
