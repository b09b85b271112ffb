"""The README's commands do what it says: blocks marked `<!-- run -->` are run, in order, in one folder."""

import os
import re
import subprocess

import pytest
from driver import ROOT

BLOCK = re.compile(r"^<!-- run -->\s*^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks():
    readme = ROOT / "README.md"
    return BLOCK.findall(readme.read_text()) if readme.exists() else []


def test_the_commands_of_the_readme_work(binary, data, meter_bundles, tmp_path):
    found = blocks()
    if not found:
        pytest.fail("README.md has no block marked <!-- run -->")
    # What a reader has at hand: pictures of a camera, a bundle, and the command.
    (tmp_path / "camera").mkdir()
    for path in sorted((data / "meter-digits/images/field").iterdir())[:200]:
        (tmp_path / "camera" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "meter-1").symlink_to(meter_bundles[1])
    (tmp_path / "meter-2").symlink_to(meter_bundles[2])
    paths = os.environ | {"PATH": f"{binary.parent}:{os.environ['PATH']}", "REPOSITORY": str(ROOT)}
    script = "set -euo pipefail\n" + "\n".join(found)
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=paths, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
