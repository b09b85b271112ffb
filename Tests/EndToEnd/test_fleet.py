"""The example of a fleet, with three devices: every reader counts the same, and one model reaches all of them."""

import json
import os
import re
import subprocess
import time

import pytest
from driver import ROOT

DEVICES = 3
LABELS = 30


@pytest.fixture(scope="module")
def fleet(binary, tmp_path_factory):
    """The folder of a fleet that has been played, and what was printed."""
    folder = tmp_path_factory.mktemp("fleet")
    settings = os.environ | {"FLEET_DEVICES": str(DEVICES), "FLEET_LABELS": str(LABELS)}
    command = [ROOT / "Examples/fleet/run.sh", folder / "fleet"]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=1800, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    return folder / "fleet", done.stdout


@pytest.fixture
def store(fleet):
    """The bucket of the fleet again; calling it runs one of the example's readers."""
    folder, _ = fleet
    settings = folder / "store.env"
    settings.unlink(missing_ok=True)
    python = folder / "venv/bin/python"
    words = [python, "fleet/store.py", "store", "--bucket", "fleet", "--env", "store.env"]
    running = subprocess.Popen(words, cwd=folder)
    deadline = time.monotonic() + 60
    while not settings.exists():
        assert running.poll() is None and time.monotonic() < deadline, "the store did not start"
        time.sleep(0.1)
    paths = dict(re.findall(r"export (\w+)=(.*)", settings.read_text()))

    def read(*arguments):
        words = [python, *arguments]
        done = subprocess.run(
            words, cwd=folder, env=os.environ | paths, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    yield read
    running.terminate()
    running.wait()


def number(output, words):
    """The number behind the words that a line begins with."""
    (found,) = re.findall(rf"^ *{words}\D*? +([\d,]+)", output, re.MULTILINE)
    return int(found.replace(",", ""))


def test_every_reader_counts_the_same(fleet):
    folder, output = fleet
    queues = [json.loads(path.read_text())["queue"] for path in folder.glob("station-*/status.json")]
    sent = sum(queue["exported"] + queue["labeled"] + queue["unusable"] for queue in queues)
    assert len(queues) == DEVICES and sent > 50
    assert {number(output, reader) for reader in ("DuckDB", "PyArrow", "manifests", "the devices")} == {sent}


def test_what_is_chosen_is_spread_over_the_devices_and_chosen_once(fleet):
    folder, output = fleet
    chosen = [json.loads(line) for line in (folder / "chosen/samples.jsonl").read_text().splitlines()]
    assert len(chosen) == LABELS == len({line["sha256"] for line in chosen})
    assert len({line["device"] for line in chosen}) == DEVICES
    for line in chosen:
        assert line["url"].startswith(f"s3://fleet/labeling/device={line['device']}/")
        assert line["url"].endswith(f"/frames/{line['id']}.png")
    removed = [number(output, f"left out: {why}") for why in ("the same", "nearly the same", "others")]
    assert removed[0] > 0 and removed[1] > 0, "neighbours see some of the same crates"
    assert number(output, "samples in the bucket") == sum(removed) + len(chosen)
    assert (folder / "chosen/sheet.png").stat().st_size > 10_000


def test_labels_and_the_signed_model_reach_every_device(fleet):
    folder, _ = fleet
    statuses = [json.loads(path.read_text()) for path in folder.glob("station-*/status.json")]
    assert [status["model"]["version"] for status in statuses] == [2] * DEVICES
    labeled = sum(status["queue"]["labeled"] + status["queue"]["unusable"] for status in statuses)
    answers = (folder / "labels.csv").read_text().splitlines()
    assert labeled == len(answers) - 1
    manifest = json.loads((folder / "second/model.json").read_text())
    assert len(manifest["trained_on"]) == len(list(folder.glob("training/batch-*")))


def test_receipts_are_read_in_the_bucket(store):
    receipts = store("fleet/bucket.py", "fleet/receipts.sql")
    assert re.search(rf"lanes version 2 +│ active +│ +{DEVICES} ", receipts), receipts
    assert re.search(rf"labels +│ applied +│ +{DEVICES} ", receipts), receipts


def test_a_batch_without_its_manifest_is_no_batch(store):
    before = store("fleet/bucket.py", "--check")
    copy = """
import boto3
s3 = boto3.client("s3")
keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="fleet", Prefix="labeling/device=")["Contents"]]
lines = next(key for key in keys if key.endswith("/samples.jsonl"))
half = f"{lines.split('/batch-')[0]}/batch-000000000000/samples.jsonl"
s3.copy_object(Bucket="fleet", CopySource={"Bucket": "fleet", "Key": lines}, Key=half)
"""
    store("-c", copy)
    after = store("fleet/bucket.py", "--check")
    assert number(before, "left out") == 0 and number(after, "left out") == 1
    assert number(after, "DuckDB") == number(before, "DuckDB") == number(after, "PyArrow")
