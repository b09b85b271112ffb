"""Recorded runs are decided anew: as they were, or by another policy."""

import sqlite3

import pytest
from driver import write_configuration

POLICY = """\
source: folder:camera
selection:
  budget: {share: 0.1}
  strategies: [margin]
"""


@pytest.fixture
def collected(meter, camera, meter_bundles):
    """Two runs over pictures of meters, a new model while the second waits to begin."""
    write_configuration(meter.folder, POLICY)
    camera(*(f"meter-digits/images/field/{number:05}.jpg" for number in range(400)))
    meter("run", "--until-end")
    meter("model", "import", meter_bundles[2])
    # Some come again under other names: they look like what the first run kept.
    camera(*(f"meter-digits/images/field/{number:05}.jpg" for number in range(300, 900)), prefix="again-")
    meter("run", "--until-end")
    return meter


def test_the_policy_in_force_decides_every_frame_as_it_did(collected):
    for number, frames in ((1, 400), (2, 600)):
        report = collected("replay", "--run", number)
        assert report["frames"] == report["alike"] == frames
        assert report["guessed"] == 0 and report["first"] == 1
        assert report["recorded"] == report["replayed"]
    status = collected.conserved()
    kept = sum(collected("replay", "--run", number)["recorded"]["kept"] for number in (1, 2))
    assert kept == status["frames"]["stored"]
    assert collected("replay")["run"].startswith("r2x")
    assert report["recorded"]["duplicates"] > 100, "the stream has no frame that comes again"
    assert sum(report["recorded"]["classes"].values()) == report["recorded"]["kept"]


def test_another_policy_says_what_it_would_have_kept(collected, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("selection: {budget: {share: 0.02}, strategies: [entropy]}\n")
    report = collected("replay", "--policy", other)
    assert report["policy"] == str(other)
    assert report["recorded"] == collected("replay")["recorded"]
    assert 0 < report["replayed"]["kept"] < report["recorded"]["kept"] / 2
    assert report["alike"] < report["frames"]
    # A budget that nobody would notice: it decides nearly as the one in force.
    other.write_text("selection: {budget: {share: 0.1}, strategies: [margin], expire_after_days: 3}\n")
    assert collected("replay", "--policy", other)["alike"] == report["frames"]


def test_a_decision_takes_at_most_64_bytes_and_all_have_their_bound(collected):
    with sqlite3.connect(collected.folder / "queue.sqlite") as queue:
        count, size = queue.execute(
            "SELECT sum(length(records)) / 46, sum(length(records)) + 24 * count(*) FROM decision"
        ).fetchone()
    assert count == 1000
    assert size <= 64 * count


def test_nothing_is_recorded_where_nothing_is_wanted(meter, camera):
    write_configuration(meter.folder, POLICY + "storage: {decisions: 0}\n")
    camera(*(f"meter-digits/images/field/{number:05}.jpg" for number in range(20)))
    meter("run", "--until-end")
    meter.fails("replay", naming=["no decisions are recorded", "storage.decisions"])


def test_what_cannot_be_replayed_is_said(collected, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("selection: {strategies: [marginn]}\n")
    collected.fails("replay", "--policy", other, naming=["marginn"])
    collected.fails("replay", "--run", 7, naming=["run 7", "there are: 2, 1"])
    collected.fails("replay", "--policy", tmp_path / "nowhere.yaml", naming=["nowhere.yaml"])
