"""Batches leave by themselves, and labels and models come in: with a stick, a share, and nobody at the keyboard."""

import csv
import json
import shutil
import time

import bundles
import pytest
from driver import kill, samples_of, stop, validator, wait_for, write_configuration

# Every frame is kept, a fifth of them by the audit coin; batches leave however small they are.
CONFIGURATION = """\
        source: folder:camera
        selection: {{budget: {{share: 1}}, deduplicate: false}}
        sync:
          every_minutes: 0.01
          batch_samples_min: 1
          destinations:
        {destinations}
"""


def configure(gleaner, *destinations):
    lines = "\n".join(f"            - {json.dumps(each)}" for each in destinations)
    write_configuration(gleaner.folder, CONFIGURATION.format(destinations=lines.replace(" " * 12, " " * 4)))


def batches_in(folder):
    """The batches that a consumer sees in a folder, by id, each held against its manifest's schema."""
    found = {}
    for manifest in sorted(folder.glob("device=*/date=*/batch-*/manifest.json")):
        validator("batch-manifest").validate(json.loads(manifest.read_text()))
        found[manifest.parent.name] = manifest.parent
    return found


def write_labels(path, samples, truth):
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")
    with open(partial, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "label"])
        table.writerows([sample["id"], truth[sample["origin"]]] for sample in samples)
    partial.rename(path)


def receipts_in(folder):
    """What a device has left for the other side, by item."""
    found = {}
    for path in folder.glob("receipts/device=*/*.json"):
        receipt = json.loads(path.read_text())
        validator("inbox-receipt").validate(receipt)
        found[receipt["item"]] = receipt
    return found


@pytest.fixture
def truth(meter_truth):
    return {row["file"].split("/")[-1]: row["label"] for row in meter_truth["field"]}


def test_a_stick_does_the_whole_round_trip(meter, camera, data, meter_truth, truth, tmp_path):
    write_configuration(meter.folder, CONFIGURATION.format(destinations="    []"))
    stick = tmp_path / "stick"
    stick.mkdir()
    camera(*(f"meter-digits/{row['file']}" for row in meter_truth["field"][:40]))
    meter("run", "--until-end")

    (plan,) = meter("sync", "--dry-run", "--to", stick)["destinations"]
    assert {due["purpose"]: due["samples"] for due in plan["due"]} == {"labeling": 40, "training": 0}
    assert list(stick.iterdir()) == []

    # Out go samples for labeling.
    (visit,) = meter("sync", "--to", stick)["visits"]
    assert [(batch["purpose"], batch["samples"]) for batch in visit["batches"]] == [("labeling", 40)]
    (batch,) = batches_in(stick).values()
    assert str(batch) == visit["batches"][0]["folder"] and len(samples_of(batch)) == 40
    assert meter("sync", "--to", stick)["visits"][0]["batches"] == []

    # Somebody labels them and trains on another machine; in come labels and a model, out go labeled samples.
    write_labels(stick / "inbox" / "labels" / "csv" / "answers.csv", samples_of(batch), truth)
    (stick / "inbox" / "models").mkdir()
    shutil.copytree(bundles.make(data / "models" / "meter-digits-v2", tmp_path / "v2"), stick / "inbox" / "models" / "v2")
    (visit,) = meter("sync", "--to", stick)["visits"]
    assert [(batch["purpose"], batch["samples"]) for batch in visit["batches"]] == [("training", 40)]
    assert [arrival["item"] for arrival in visit["arrivals"]] == ["labels/csv/answers.csv", "models/v2"]
    status = meter("status")
    assert (status["queue"]["labeled"], status["model"]["version"]) == (40, 2)

    # The other side finds receipts.
    receipts = receipts_in(stick)
    assert receipts["labels/csv/answers.csv"]["labels"]["applied"] == 40
    assert receipts["models/v2"]["model"]["state"] == "active"

    # Nothing is asked or taken twice, under whatever name.
    shutil.copy(stick / "inbox/labels/csv/answers.csv", stick / "inbox/labels/csv/again.csv")
    (visit,) = meter("sync", "--to", stick)["visits"]
    assert visit["batches"] == [] and [arrival["item"] for arrival in visit["arrivals"]] == ["labels/csv/again.csv"]
    assert meter("sync", "--to", stick)["visits"][0]["arrivals"] == []
    assert len(batches_in(stick)) == 2


def test_what_cannot_be_taken_gets_a_receipt_that_says_why(meter, tmp_path):
    stick = tmp_path / "stick"
    for name, text in (("labels/csv/empty.csv", ""), ("labels/coko/x.json", "{}"), ("models/broken.tar", "no tar"), ("other/x", "y")):
        path = stick / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (visit,) = meter("sync", "--to", stick)["visits"]
    assert {arrival["item"] for arrival in visit["arrivals"]} == {"labels/csv/empty.csv", "labels/coko/x.json", "models/broken.tar"}
    receipts = receipts_in(stick)
    assert "did you mean 'coco'?" in receipts["labels/coko/x.json"]["failure"]["remedy"]
    assert receipts["models/broken.tar"]["failure"]["code"].startswith("bundle.")
    # Moved to where it belongs it is taken, though its bytes are the same.
    for folder in ("coko", "csv"):
        path = stick / "inbox" / "labels" / folder / "moved.csv"
        path.write_text("id,label\nnobody,4\n")
        (visit,) = meter("sync", "--to", stick)["visits"]
        assert ("failure" in visit["arrivals"][0]) == (folder == "coko")
    # A file that was being written when it was looked at is taken when it is whole.
    (stick / "inbox/labels/csv/empty.csv").write_text("id,label\nnobody,3\n")
    (visit,) = meter("sync", "--to", stick)["visits"]
    assert visit["arrivals"][0]["labels"]["rejected"] == 1


def test_batches_leave_by_themselves_when_a_stick_is_plugged_in(meter, camera, meter_truth, tmp_path):
    stick, share = tmp_path / "stick", tmp_path / "share"
    share.mkdir()
    configure(meter, {"to": f"folder:{stick}", "name": "stick", "formats": ["csv"]}, {"to": f"folder:{share}", "for": ["labeling"]})
    camera(*(f"meter-digits/{row['file']}" for row in meter_truth["field"][:30]))
    # What the budget has granted is written down every half minute, and at the end.
    meter("run", "--until-end")
    process = meter.collecting()
    try:
        # One that is away delays no other.
        wait_for(lambda: sum(len(samples_of(batch)) for batch in batches_in(share).values()) == 30)
        absent, _ = wait_for(lambda: [line for line in meter("status")["destinations"] if line.get("trouble")] and meter("status")["destinations"])
        assert absent["trouble"] == "offline" and absent["samples"] == 30
        stick.mkdir()
        wait_for(lambda: sum(len(samples_of(batch)) for batch in batches_in(stick).values()) == 30)
        # Both were asked about the same samples, and they count once.
        ids = [{sample["id"] for batch in batches_in(place).values() for sample in samples_of(batch)} for place in (stick, share)]
        assert ids[0] == ids[1] and meter("report")["labels"]["sent"] == 30
        assert all((batch / "samples.csv").exists() for batch in batches_in(stick).values())
        lines = meter("destination", "list")["destinations"]
        assert [(line["name"], line["samples"]) for line in lines] == [("stick", 0), (f"folder:{share}", 0)]
        assert all("delivered_at" in line and "trouble" not in line for line in lines)
    finally:
        stop(process)


def test_a_second_process_does_not_sync_but_wakes_the_first(meter, camera, meter_truth, tmp_path):
    share = tmp_path / "share"
    share.mkdir()
    configure(meter, {"to": f"folder:{share}"})
    text = (meter.folder / "gleaner.yaml").read_text()
    (meter.folder / "gleaner.yaml").write_text(text.replace("every_minutes: 0.01", "every_minutes: 1000").replace("min: 1", "min: 9999"))
    process = meter.start("sync")
    try:
        wait_for(lambda: "reached_at" in meter("destination", "list")["destinations"][0])
        camera(*(f"meter-digits/{row['file']}" for row in meter_truth["field"][:10]))
        meter("run", "--until-end")
        assert batches_in(share) == {}
        message = meter.fails("sync", "--once", naming=["syncs already", str(process.pid)])
        assert "process" in message
        assert str(process.pid) in json.loads(meter.text("sync", "--now", "--json").stdout)["woken"]
        wait_for(lambda: batches_in(share))
    finally:
        status, _, errors = stop(process)
        assert status == 0, errors


def test_killed_in_the_middle_it_delivers_each_sample_once(meter, camera, meter_truth, tmp_path):
    share = tmp_path / "share"
    share.mkdir()
    configure(meter, {"to": f"folder:{share}", "formats": ["csv"]})
    text = (meter.folder / "gleaner.yaml").read_text()
    (meter.folder / "gleaner.yaml").write_text(text + "  batch_samples_max: 20\n")
    camera(*(f"meter-digits/{row['file']}" for row in meter_truth["field"][:120]))
    meter("run", "--until-end")
    kills = 0
    while len(batches_in(share)) < 6:
        process = meter.start("sync", "--once")
        time.sleep(0.02 + 0.01 * (kills % 20))
        kill(process)
        kills += 1
        assert kills < 400
    meter("sync", "--once")
    ids = [sample["id"] for batch in batches_in(share).values() for sample in samples_of(batch)]
    assert len(ids) == len(set(ids)) == 120
    assert not [path for path in share.rglob(".partial*")]
    assert kills >= 3


def test_a_burst_of_frames_that_silence_follows_leaves(meter, camera, meter_truth, tmp_path):
    """What it earned counts though no frame comes that could carry it to the disk."""
    share = tmp_path / "share"
    share.mkdir()
    configure(meter, {"to": f"folder:{share}", "for": ["labeling"]})
    process = meter.collecting()
    try:
        camera(*(f"meter-digits/{row['file']}" for row in meter_truth["field"][:40]))
        deadline = time.monotonic() + 90
        while not batches_in(share):
            assert time.monotonic() < deadline, meter("status")
            time.sleep(0.2)
    finally:
        stop(process)
    assert sum(len(samples_of(batch)) for batch in batches_in(share).values()) == 40


def test_a_damaged_picture_is_put_aside_and_the_others_leave(meter, camera, meter_truth, tmp_path):
    share = tmp_path / "share"
    share.mkdir()
    configure(meter, {"to": f"folder:{share}", "for": ["labeling"]})
    with open(meter.folder / "gleaner.yaml", "a") as file:
        file.write("storage: {inline_bytes_max: 0}\n")
    camera(*(f"meter-digits/{row['file']}" for row in meter_truth["field"][:30]))
    meter("run", "--until-end")
    pictures = sorted(path for path in (meter.folder / "frames").rglob("*") if path.is_file())
    assert len(pictures) == 30
    pictures[7].write_bytes(pictures[7].read_bytes()[:-1] + b"?")
    (visit,) = json.loads(meter.text("sync", "--once", "--json", status=1).stdout)["visits"]
    assert visit["failure"]["code"] == "batch.damaged" and visit["batches"] == [] and batches_in(share) == {}
    (visit,) = meter("sync", "--once")["visits"]
    assert [batch["samples"] for batch in visit["batches"]] == [29]
    assert sum(len(samples_of(batch)) for batch in batches_in(share).values()) == 29


def test_destinations_are_added_and_tested_by_command(meter, tmp_path):
    share = tmp_path / "share"
    meter("destination", "add", f"folder:{share}", "--name", "share", "--for", "training", "--format", "coco,csv")
    meter("destination", "add", f"folder:{tmp_path}")
    assert [line["name"] for line in meter("destination", "list")["destinations"]] == [f"folder:{tmp_path}", "share"]
    checks = json.loads(meter.text("destination", "test", "--json", status=1).stdout)["destinations"]
    assert [("failure" in check) for check in checks] == [False, True]
    share.mkdir()
    meter("destination", "test", "share")
    text = (meter.folder / "gleaner.yaml").read_text()
    meter.fails("destination", "add", f"folder:{share}", naming=["again"])
    meter.fails("destination", "add", "folder:relative", naming=["from the root"])
    write_configuration(meter.folder, "source: folder:camera\nsync: {destinations: [{to: 'folder:/x', bandwidth: 9 KiB}]}\n")
    meter.fails("sync", "--once", naming=["bandwidth", "is not for folders"])
    (meter.folder / "gleaner.yaml").write_text(text)
    meter.fails("destination", "add", "fodler:/x", naming=["did you mean 'folder'?"])
    assert (meter.folder / "gleaner.yaml").read_text() == text
    write_configuration(meter.folder, "source: folder:camera\nsync: {destinations: [{to: 'folder:/x', hour: [x]}]}\n")
    meter.fails("sync", "--once", naming=["hour", "did you mean 'hours'?"])
    write_configuration(meter.folder, "source: folder:camera\n")
    meter.fails("sync", "--once", naming=["no destination", "gleaner destination add"])


def test_a_full_or_foreign_stick_is_a_clear_error(meter, camera, meter_truth, tmp_path):
    camera(*(f"meter-digits/{row['file']}" for row in meter_truth["field"][:10]))
    write_configuration(meter.folder, CONFIGURATION.format(destinations="    []"))
    meter("run", "--until-end")
    (tmp_path / "file").write_text("x")
    done = meter.text("sync", "--to", tmp_path / "file", status=1)
    assert "is not a folder" in done.stdout
    done = meter.text("sync", "--to", tmp_path / "absent", status=1)
    assert "is not there" in done.stdout and "plug the stick in" in done.stdout
    assert meter("status")["queue"]["exported"] == 0
