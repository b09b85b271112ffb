"""Batches go to a real S3 store, and labels and models come back from it."""

import hashlib
import io
import json
import tarfile
import time

import bundles
import pytest
import seaweed
from driver import kill, validator, write_configuration

CONFIGURATION = """\
source: folder:camera
selection: {{budget: {{share: 1}}, deduplicate: false}}
sync:
  batch_samples_max: {most}
  destinations:
    - {{to: "s3://field/orchard", name: depot, endpoint: "{endpoint}", formats: [csv]}}
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    running = seaweed.Seaweed(tmp_path_factory.mktemp("seaweed"))
    yield running
    running.stop()


@pytest.fixture
def depot(store, meter, camera, meter_truth, monkeypatch):
    """A deployment with 60 samples whose destination is a bucket with nothing below its prefix."""
    for name, value in seaweed.KEYS.items():
        monkeypatch.setenv(name, value)
    for key in store.keys("orchard/"):
        store.s3.delete_object(Bucket="field", Key=key)
    write_configuration(meter.folder, CONFIGURATION.format(endpoint=store.endpoint, most=15))
    camera(*(f"meter-digits/{row['file']}" for row in meter_truth["field"][:60]))
    meter("run", "--until-end")
    return meter


def batches_in(store):
    """The batches that a consumer sees, by folder, each with every byte as its manifest says."""
    found = {}
    for key in store.keys("orchard/device="):
        folder, _, name = key.rpartition("/")
        if name != "manifest.json":
            continue
        data = store.get(key)
        manifest = json.loads(data)
        validator("batch-manifest").validate(manifest)
        assert folder.endswith(f"batch-{hashlib.sha256(data).hexdigest()[:12]}")
        sizes = store.keys(folder + "/")
        assert len(sizes) == len(manifest["files"]) + 1
        for file in manifest["files"]:
            assert hashlib.sha256(store.get(f"{folder}/{file['path']}")).hexdigest() == file["sha256"]
        found[folder] = [json.loads(line) for line in store.get(f"{folder}/samples.jsonl").decode().splitlines()]
    return found


def tar_of(folder):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.iterdir()):
            if path.is_file():
                entry = tarfile.TarInfo(path.name)
                entry.size = path.stat().st_size
                tar.addfile(entry, io.BytesIO(path.read_bytes()))
    return packed.getvalue()


def test_a_bucket_does_the_whole_round_trip(depot, store, data, meter_truth, tmp_path):
    depot("destination", "test")
    (visit,) = depot("sync", "--once")["visits"]
    assert [batch["samples"] for batch in visit["batches"]] == [15, 15, 15, 15]
    samples = [sample for lines in batches_in(store).values() for sample in lines]
    assert len({sample["id"] for sample in samples}) == 60

    truth = {row["file"].split("/")[-1]: row["label"] for row in meter_truth["field"]}
    lines = ["id,label", *(f"{sample['id']},{truth[sample['origin']]}" for sample in samples)]
    store.put("orchard/inbox/labels/csv/answers.csv", "\n".join(lines) + "\n")
    device = samples[0]["id"].split("-")[0]
    bundle = bundles.make(data / "models" / "meter-digits-v2", tmp_path / "v2")
    store.put(f"orchard/inbox/device={device}/models/meter-2.tar", tar_of(bundle))
    store.put("orchard/inbox/device=0000000000000000/models/other.tar", b"for another device")
    (visit,) = depot("sync", "--once")["visits"]
    assert [(batch["purpose"], batch["samples"]) for batch in visit["batches"]] == [("training", 15)] * 4
    assert [arrival["item"] for arrival in visit["arrivals"]] == ["labels/csv/answers.csv", f"device={device}/models/meter-2.tar"]
    assert depot("status")["model"]["version"] == 2
    receipts = [json.loads(store.get(key)) for key in store.keys("orchard/receipts/")]
    for receipt in receipts:
        validator("inbox-receipt").validate(receipt)
    assert sorted("labels" if "labels" in receipt else "model" for receipt in receipts) == ["labels", "model"]

    # Nothing is sent or taken twice.
    before = store.keys()
    (visit,) = depot("sync", "--once")["visits"]
    assert visit["batches"] == visit["arrivals"] == [] and store.keys() == before
    assert len(batches_in(store)) == 8


def test_killed_in_the_middle_it_delivers_each_sample_once(depot, store):
    kills = 0
    while len([key for key in store.keys("orchard/device=") if key.endswith("manifest.json")]) < 4:
        process = depot.start("sync", "--once")
        time.sleep(0.03 + 0.015 * (kills % 20))
        kill(process)
        kills += 1
        assert kills < 200
    depot("sync", "--once")
    ids = [sample["id"] for lines in batches_in(store).values() for sample in lines]
    assert len(ids) == len(set(ids)) == 60 and kills >= 2


def test_a_store_that_restarts_loses_nothing(depot, store):
    store.stop()
    done = depot.text("sync", "--once", status=1)
    assert "does not answer" in done.stdout
    assert depot("destination", "list")["destinations"][0]["trouble"] == "offline"
    store.start()
    depot("sync", "--once")
    assert sum(len(lines) for lines in batches_in(store).values()) == 60


def test_what_the_store_refuses_is_said_with_a_remedy(depot, store, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    done = depot.text("sync", "--once", status=1)
    assert "answered with 403" in done.stdout and "the key may read, write and list" in done.stdout
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("HOME", str(depot.folder))
    done = depot.text("sync", "--once", status=1)
    assert "no keys for the bucket" in done.stdout and "AWS_ACCESS_KEY_ID" in done.stdout
    for name, value in seaweed.KEYS.items():
        monkeypatch.setenv(name, value)
    for wrong, complaint in (("s3://nobody", "no such bucket"), ("s3://X", "names no bucket")):
        text = CONFIGURATION.format(endpoint=store.endpoint, most=15).replace("s3://field/orchard", wrong)
        write_configuration(depot.folder, text)
        done = depot.text("sync", "--once", status=1)
        assert complaint in done.stdout + done.stderr
