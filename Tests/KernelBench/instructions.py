"""Counts the instructions of the loop's kernels; see instructions.sh."""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

KEPT = Path(__file__).with_name("instructions.json")
# Without the first, the first call of a function of a library would count the search for it. By the second the C library
# picks functions that each processor has, instead of the best of this one.
SETTINGS = {"LD_BIND_NOW": "1", "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS,-FMA,-FMA4"}
# A kernel may need so much more than was written down: a change of a word somewhere else moves none of them so far.
GROWTH_MAX = 0.03


def output(*words):
    words = list(map(str, words))
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def environment():
    """What the counts depend on beside our own code."""
    swift = re.search(r"Swift version (\S+)", output("swift", "--version"))
    return {"swift": swift[1], "machine": platform.machine(), "libc": " ".join(platform.libc_ver())}


def count(program, name):
    """Instructions of one run, after one that sets it up."""
    words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*measuredRun*"]
    words = [*map(str, words), str(program), "once", name]
    done = subprocess.run(words, env={**os.environ, **SETTINGS}, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert done.returncode == 0 and found and int(found[1]) > 0, done.stderr
    return int(found[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the counts down")
    given = parser.parse_args()
    here = environment()
    with tempfile.TemporaryDirectory(prefix="gleaner-instructions-") as work:
        # Valgrind gives up over debugging information that is newer than itself.
        program = Path(work) / "KernelBench"
        output("objcopy", "--strip-debug", os.environ["KERNEL_BENCH"], program)
        counts = {name: count(program, name) for name in output(program, "names").split()}
    if given.write:
        KEPT.write_text(json.dumps({"counted_with": here, "instructions": counts}, indent=2) + "\n")
    kept = json.loads(KEPT.read_text())
    grown = []
    for name, found in counts.items():
        before = kept["instructions"].get(name)
        change = f"{100 * (found / before - 1):+7.2f} %" if before else "      new"
        print(f"{name:20} {found:12,} {change}")
        if not before or found > before * (1 + GROWTH_MAX):
            grown.append(name)
    if here != kept["counted_with"]:
        print(f"These counts cannot be compared: counted here with {here}, written down with {kept['counted_with']}.")
        return 0
    if grown:
        print(f"More than 3 % above what is written down: {', '.join(grown)}. If that is meant: --write.")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
