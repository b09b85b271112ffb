"""The example of a fleet, with three devices: every reader counts the same, and one model reaches all of them."""

import contextlib
import json
import os
import re
import subprocess
import time

from driver import ROOT

DEVICES = 3
LABELS = 30
# What a link leaves that broke just before the manifest.
HALF_BATCH = """
import boto3
s3 = boto3.client("s3")
keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="fleet", Prefix="labeling/device=")["Contents"]]
lines = next(key for key in keys if key.endswith("/samples.jsonl"))
half = f"{lines.split('/batch-')[0]}/batch-000000000000/samples.jsonl"
s3.copy_object(Bucket="fleet", CopySource={"Bucket": "fleet", "Key": lines}, Key=half)
"""


def number(output, words):
    """The number behind the words that a line begins with."""
    (found,) = re.findall(rf"^ *{words}\D*? +([\d,]+)", output, re.MULTILINE)
    return int(found.replace(",", ""))


def counts(output):
    """What each reader says, and the devices themselves."""
    return {number(output, reader) for reader in ("DuckDB", "PyArrow", "manifests", "the devices")}


@contextlib.contextmanager
def bucket(folder):
    """The bucket of a fleet that was played; gives what runs one of its readers."""
    settings = folder / "store.env"
    settings.unlink()
    python = folder / "venv/bin/python"
    words = [python, "fleet/store.py", "store", "--bucket", "fleet", "--env", "store.env"]
    running = subprocess.Popen(words, cwd=folder)
    try:
        deadline = time.monotonic() + 60
        while not settings.exists():
            assert running.poll() is None and time.monotonic() < deadline, "the store did not start"
            time.sleep(0.1)
        found = os.environ | dict(re.findall(r"export (\w+)=(.*)", settings.read_text()))

        def read(*words):
            done = subprocess.run(
                [python, *words], cwd=folder, env=found, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        yield read
    finally:
        running.terminate()
        running.wait()


def test_a_fleet_is_read_chosen_from_and_taught(binary, tmp_path):
    folder = tmp_path / "fleet"
    settings = os.environ | {"FLEET_DEVICES": str(DEVICES), "FLEET_LABELS": str(LABELS)}
    command = [ROOT / "Examples/fleet/run.sh", folder]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=1800, check=False)
    output = done.stdout
    print(output)
    assert done.returncode == 0, done.stderr

    # Every reader counts what the devices say that they sent.
    statuses = [json.loads(path.read_text()) for path in folder.glob("station-*/status.json")]
    queues = [status["queue"] for status in statuses]
    sent = sum(queue["exported"] + queue["labeled"] + queue["unusable"] for queue in queues)
    assert len(queues) == DEVICES and sent > 50 and counts(output) == {sent}

    # What is chosen is of all devices, and no picture twice.
    chosen = [json.loads(line) for line in (folder / "chosen/samples.jsonl").read_text().splitlines()]
    assert len(chosen) == LABELS == len({line["sha256"] for line in chosen})
    assert len({line["device"] for line in chosen}) == DEVICES
    for line in chosen:
        assert line["url"].startswith(f"s3://fleet/labeling/device={line['device']}/")
        assert line["url"].endswith(f"/frames/{line['id']}.png")
    removed = [number(output, f"left out: {why}") for why in ("the same", "nearly the same", "others")]
    assert removed[0] + removed[1] > 0, "neighbours see some of the same crates"
    assert number(output, "samples in the bucket") == sum(removed) + LABELS == sent
    assert (folder / "chosen/sheet.png").stat().st_size > 10_000

    # Labels reach the devices whose samples they are of, and the one signed model reaches all.
    assert [status["model"]["version"] for status in statuses] == [2] * DEVICES
    answers = (folder / "labels.csv").read_text().splitlines()[1:]
    assert sum(queue["labeled"] + queue["unusable"] for queue in queues) == len(answers)
    manifest = json.loads((folder / "second/model.json").read_text())
    assert len(manifest["trained_on"]) == len(list(folder.glob("training/batch-*")))

    with bucket(folder) as read:
        receipts = read("fleet/bucket.py", "fleet/receipts.sql")
        for arrived in ("lanes version 2 +│ active", "labels +│ applied"):
            assert re.search(rf"{arrived} +│ +{DEVICES} ", receipts), receipts

        # A batch without its manifest is no batch.
        before = read("fleet/bucket.py", "--check")
        read("-c", HALF_BATCH)
        after = read("fleet/bucket.py", "--check")
        assert counts(after) == counts(before) == {sent}
        assert [number(text, "left out") for text in (before, after)] == [0, 1]
