#!/usr/bin/env python3
"""Train the model that the quickstart begins with, from frames of the lab.

It is committed as `first/`, so nobody needs to run this; it is here to show where the model comes from.

  make_first_model.py --to first
"""

import argparse
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LAB_CRATES = 900


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True, metavar="FOLDER", help="the bundle folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lab = os.path.join(folder, "lab")
        _python("camera.py", "lab", "--crates", str(LAB_CRATES), "--to", lab)
        _python(
            "../retrain/retrain.py", lab, "--to", given.to, "--name", "lanes", "--size", "32x32", "--color", "GRAY",
            "--epochs", "40", "--patience", "15", "--origin", "lab frames, made by make_first_model.py",
        )


def _python(script, *arguments):
    subprocess.run([sys.executable, os.path.join(HERE, script), *arguments], check=True)


if __name__ == "__main__":
    main()
