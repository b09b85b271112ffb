"""kill -9 at random moments of imports: the old model or the new one is active, whole, and collecting goes on."""

import hashlib
import os
import random
import subprocess
import time
from collections import Counter

from driver import kill, write_configuration

KILLS = int(os.environ.get("GLEANER_IMPORT_KILLS", os.environ.get("GLEANER_KILLS", "500")))
WISHES = ["--allow-downgrade", "--accept", "--retry"]


def active(gleaner):
    """The active model, whose files must be what its digest says."""
    lines = [line for line in gleaner("model", "list")["models"] if line["state"] == "active"]
    assert len(lines) == 1, lines
    model = lines[0]["model"]
    (file,) = (gleaner.folder / "models").glob(f"{model['name']}-{model['version']}-*/model.onnx")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == model["sha256"]
    return model["version"]


def left_alive():
    """Processes that run a model for an import that is no more."""
    table = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    processes = {int(pid): (int(parent), words) for pid, parent, words in (line.split(None, 2) for line in table.splitlines())}
    owners = {pid for pid, (_, words) in processes.items() if "gleaner" in words and "isolated-model" not in words}
    return [pid for pid, (parent, words) in processes.items() if "isolated-model" in words and parent not in owners]


def test_an_import_that_is_killed_leaves_the_old_model_or_the_new_one(meter, meter_bundles, camera, data, meter_truth):
    seed = int(os.environ.get("GLEANER_STORM_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"GLEANER_STORM_SEED={seed}")
    draw = random.Random(seed)
    write_configuration(meter.folder, "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\n")
    pictures = [data / "meter-digits" / row["file"] for row in meter_truth["field"][:200]]
    outcomes, seconds, offered, version = Counter(), 0.4, 0, 1
    while outcomes["killed"] < KILLS and outcomes["killed"] + outcomes["over"] < 4 * KILLS:
        wanted = 3 - version
        process = meter.start("model", "import", str(meter_bundles[wanted]), *WISHES)
        time.sleep(draw.uniform(0, 1.1 * seconds))
        over = process.poll() is not None
        if over:
            assert process.returncode == 0, process.stderr.read()
        # Aimed so that half of the imports are killed, all along their way.
        seconds *= 0.95 if over else 1.04
        kill(process)
        outcomes["over" if over else "killed"] += 1
        before, version = version, active(meter)
        assert version in (before, wanted)
        assert not over or version == wanted
        outcomes["new" if version == wanted else "old"] += 1
        if draw.random() < 0.2:
            name = f"{offered:06}.jpg"
            (meter.folder / f".{name}").write_bytes(pictures[offered % len(pictures)].read_bytes())
            (meter.folder / f".{name}").rename(meter.folder / "camera" / name)
            offered += 1
            meter("run", "--until-end")
            frames = meter.conserved()["frames"]
            assert (frames["offered"], frames["dropped"]) == (offered, 0)
    print(dict(outcomes))
    assert outcomes["killed"] >= KILLS
    deadline = time.monotonic() + 10
    while left := left_alive():
        assert time.monotonic() < deadline, f"processes {left} run models for nobody"
        time.sleep(0.1)
    # Nothing of what was cut is left once another import has come.
    meter("model", "import", str(meter_bundles[3 - version]), *WISHES)
    names = sorted(path.name.rsplit("-", 1)[0] for path in (meter.folder / "models").iterdir())
    assert names == ["meter-digits-1", "meter-digits-2"]
