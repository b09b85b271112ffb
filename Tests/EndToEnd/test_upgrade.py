"""Deployments of every released schema under the command of today: all it can say of them, and a frame more."""

import re
import sqlite3
from contextlib import closing

import pytest
from driver import ROOT, Gleaner, write_configuration

DUMPS = sorted((ROOT / "Tests/Fixtures/deployments").glob("schema-*.sql"))
SAMPLE_COUNT = 6


@pytest.fixture(params=DUMPS, ids=lambda path: path.stem)
def old(request, binary, tmp_path):
    """A deployment as its version left it."""
    station = Gleaner(binary, tmp_path / "station")
    (station.folder / "camera").mkdir(parents=True)
    with closing(sqlite3.connect(station.folder / "queue.sqlite")) as queue:
        queue.executescript(request.param.read_text())
        (picture,) = queue.execute("SELECT bytes FROM picture LIMIT 1").fetchone()
    # The one sample whose picture lies in a file.
    frame = station.folder / "frames/r1x99aabbccddeeff00/0/3.png"
    frame.parent.mkdir(parents=True)
    frame.write_bytes(picture)
    write_configuration(station.folder, "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\n")
    return station


def test_an_old_deployment_answers_every_question(old, tmp_path):
    samples = old.samples()
    assert {line["short"] for line in samples.values()} == {f"1-{number}" for number in range(1, SAMPLE_COUNT + 1)}
    status = old.conserved()
    assert status["frames"] == {"offered": 9, "stored": 6, "rejected": 2, "dropped": 1}
    assert status["model"]["name"] == "digits" and status["model"]["version"] == 2
    assert len(old("model", "list")["models"]) == 3
    old("report")
    old("lineage", "1-2")
    old("destination", "list")
    assert old("label", "set", "1-6", "3")["applied"] == 1
    batch = old.export("training", "csv", tmp_path / "out")
    assert (batch / "manifest.json").exists()


def test_an_old_deployment_collects_on(old, meter_bundles, data):
    # Models of its own are for another task than this one's: it gets a new life with a model that is there.
    picture = data / "meter-digits/images/field/00000.jpg"
    (old.folder / "camera" / picture.name).write_bytes(picture.read_bytes())
    with closing(sqlite3.connect(old.folder / "queue.sqlite")) as queue:
        queue.execute("UPDATE model_slot SET state = 'retired' WHERE state <> 'rejected'")
        queue.commit()
    old("model", "import", meter_bundles[1])
    assert old("run", "--until-end")["offered"] == 1
    assert len(old.samples()) == SAMPLE_COUNT + 1
    old.conserved()


def test_there_is_a_deployment_of_every_version():
    version = int(re.search(r"static let version = (\d+)", (ROOT / "Sources/GleanerStore/Schema.swift").read_text())[1])
    assert [path.name for path in DUMPS] == [f"schema-{number}.sql" for number in range(1, version + 1)]
