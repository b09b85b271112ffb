#!/usr/bin/env python3
"""Run every conversion of this folder again, and compare what comes out with what the frameworks say.

Each check makes a bundle with the script beside this file, brings it into a deployment with the real gleaner command,
and compares what it predicts. A check whose framework this Python has not got is skipped, and says so: no Python has
all of them, so run it with each (README.md says which). The pictures and models are those of ../shared/data.

  GLEANER_BIN=.build/release/gleaner Examples/models/check.py
  GLEANER_BIN=.build/release/gleaner Examples/models/check.py --only darknet --only caffe
"""

import argparse
import importlib.util
import os
import sys
import traceback
from pathlib import Path

# This script's own folder has files that are named as frameworks are: it must not be searched for them.
sys.path[0] = str(Path(__file__).resolve().parent / "checks")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import harness  # noqa: E402

SUBJECTS = ("on_darknet", "on_tensorflow", "on_pytorch", "on_ultralytics", "on_caffe")


def missing(needed):
    """Those of the modules, and of the functions in them, that this Python has not got."""
    return [name for name in needed if not is_there(name)]


def is_there(name):
    module, *inner = name.split(".")
    if importlib.util.find_spec(module) is None:
        return False
    thing = importlib.import_module(module) if inner else None
    for each in inner:
        thing = getattr(thing, each, None)
    return thing is not None or not inner


def all_checks():
    """Every check as (name, needed modules, function)."""
    checks = []
    for subject in SUBJECTS:
        checks += importlib.import_module(subject).CHECKS
    return checks


def run(name, needed, function, gleaner):
    """Runs one check and prints its lines; returns whether nothing failed."""
    if lacking := missing(needed):
        print(f"{name:22} skipped: this Python has no {', '.join(lacking)}", flush=True)
        return True
    try:
        rows = function(gleaner)
    except Exception as error:
        if not isinstance(error, AssertionError):
            traceback.print_exc()
        print(f"{name:22} FAILED: {error}", flush=True)
        return False
    for row in rows:
        verdict = "ok" if row.is_good else "FAILED"
        print(f"{name:22} {verdict:6} {row.what:52} {row.difference:10.3g} of {row.limit:<8.3g} {row.note}", flush=True)
    return bool(rows) and all(row.is_good for row in rows)


def parse_arguments(names):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", choices=names, help=f"one of {', '.join(names)}")
    return parser.parse_args()


def main():
    if lacking := missing(["numpy"]):
        sys.exit(f"check.py: this Python has no {lacking[0]}: README.md says how each environment is made")
    checks = all_checks()
    given = parse_arguments([name for name, _, _ in checks])
    if not harness.DATA.is_dir():
        sys.exit(
            f"check.py: there is no {harness.DATA}: the models and pictures are beside the repository, in shared/data"
        )
    gleaner = harness.Gleaner()
    chosen = [check for check in checks if not given.only or check[0] in given.only]
    failed = [check[0] for check in chosen if not run(*check, gleaner)]
    if failed:
        sys.exit(f"check.py: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
