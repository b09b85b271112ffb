"""The quickstart, as a new user runs it."""

import re
import subprocess

from driver import ROOT


def percentages(output, line):
    """The numbers at the end of a line of the final table."""
    (found,) = re.findall(rf"^ *{line}.*?((?: +[\d.]+%)+)$", output, re.MULTILINE)
    return [float(number) for number in re.findall(r"([\d.]+)%", found)]


def test_the_quickstart_plays_the_whole_loop(binary, tmp_path):
    command = [ROOT / "Examples" / "quickstart.sh", tmp_path / "quickstart"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False, cwd=tmp_path)
    output = done.stdout
    print(output)
    assert done.returncode == 0, done.stderr
    before, _ = percentages(output, "the model from the lab")
    after, after_new = percentages(output, "after the second day")
    drawn, _ = percentages(output, "the same with")
    assert after > before + 3 and after_new > 5, "retraining taught nothing"
    assert after > drawn - 3, "choosing frames is worse than drawing them"
    assert (tmp_path / "quickstart" / "kept.png").stat().st_size > 10_000
