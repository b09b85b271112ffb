"""A loop is played, and every link of it is found again: from the frame to the next model, and back."""

import csv
import json
from collections import Counter

import bundles
from driver import samples_of, write_configuration

# Every frame is kept, a fifth of them by the audit coin.
KEEP_ALL = """\
source: folder:camera
selection: {budget: {share: 1}, deduplicate: false}
"""
FOREIGN = "f" * 64


def label(gleaner, samples, truth, path):
    """Labels come back, by the frames' names."""
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "label"])
        table.writerows([sample["id"], truth[sample["origin"]]] for sample in samples)
    assert gleaner("label", "import", path, "--format", "csv")["applied"] == len(samples)


def export(gleaner, purpose, to, *more):
    """The id of the one batch that leaves, and its samples."""
    (batch,) = gleaner("export", "--for", purpose, "--format", "csv", "--to", to, *more)["batches"]
    return batch["id"], samples_of(to / f"batch-{batch['id'][:12]}")


def version(link):
    return f"{link['name']}@{link['version']}"


def test_a_loop_is_found_again_from_the_frame_to_the_next_model_and_back(meter, camera, data, meter_truth, tmp_path):
    rows = meter_truth["field"]
    truth = {row["file"].split("/")[-1]: row["label"] for row in rows}
    write_configuration(meter.folder, KEEP_ALL)

    # Version 1 predicts 60 frames; 40 leave, 30 come back, and those leave for training.
    camera(*(f"meter-digits/{row['file']}" for row in rows[:60]))
    meter("run", "--until-end")
    asked, sent = export(meter, "labeling", tmp_path / "labeling", "--limit", 40)
    label(meter, sent[:30], truth, tmp_path / "labels.csv")
    taught, training = export(meter, "training", tmp_path / "training")
    assert (len(sent), len(training)) == (40, 30)
    tested = [sample for sample in training if sample["split"] == "test"]
    assert 0 < len(tested) < 30

    # Version 2 was trained on that batch, and on one of another device. It predicts 20 frames more.
    folder = data / "models" / "meter-digits-v2"
    meter("model", "import", bundles.make(folder, tmp_path / "v2", trained_on=[taught, FOREIGN]))
    camera(*(f"meter-digits/{row['file']}" for row in rows[60:80]))
    meter("run", "--until-end")
    anew = meter("report")["models"][0]["seen_anew"]["samples"]
    assert 0 < anew <= 60

    # Forward from version 1.
    first = meter("lineage", "meter-digits@1")["model"]
    assert first["predicted"] == {"samples": 60, "labeled": 30, "unusable": 0} and first["scored_anew"] == 0
    assert "trained_on" not in first and first["model"]["state"] == "previous"
    assert [(line["batch"]["id"], line["predicted"]) for line in first["batches"]] == [(taught, 30), (asked, 40)]
    (learner,) = first["taught"]
    assert version(learner["model"]) == "meter-digits@2" and learner["batches"] == [{"id": taught, "samples": 30}]
    assert [event["kind"] for event in first["events"]] == ["model.staged", "model.activated"]

    # Back from version 2.
    second = meter("lineage", "meter-digits")["model"]
    assert version(second["model"]) == "meter-digits@2" and second["model"]["state"] == "active"
    assert second["predicted"]["samples"] == 20 and second["scored_anew"] == anew and second["taught"] == []
    origin = second["trained_on"]
    assert (origin["batch_count"], origin["known_count"], origin["includes_test"]) == (2, 1, False)
    ours, foreign = origin["batches"]
    assert foreign == {"id": FOREIGN} and ours["id"] == ours["batch"]["id"] == taught
    assert (ours["samples"], ours["test"]) == (30, len(tested))
    assert ours["labels"] == Counter(truth[sample["origin"]] for sample in training)
    assert [(version(line["model"]), line["samples"]) for line in ours["predicted_by"]] == [("meter-digits@1", 30)]
    # The models and the batches of both ends are the same ones.
    assert ours["predicted_by"][0]["model"] == first["model"] and learner["model"] == second["model"]

    # Of every sample that was taught, the whole way; and the short form says the same.
    for sample in training:
        found = meter("lineage", sample["id"])["sample"]
        follow(found, sample, truth, asked, taught)
        assert meter("lineage", found["short"])["sample"] == found
    # One that left without coming back was taught to nobody, and one that stayed was nowhere.
    lost = meter("lineage", sent[35]["id"])["sample"]
    assert [line["batch"]["id"] for line in lost["batches"]] == [asked]
    assert lost["labels"] == [] and lost["models"] == []
    stayed = next(id for id in meter.samples() if id not in {sample["id"] for sample in sent})
    assert meter("lineage", stayed)["sample"]["batches"] == []
    # What version 2 said of them is in version 2's count.
    counted = [meter("lineage", id)["sample"]["scored_anew"] for id in meter.samples()]
    assert sum(map(len, counted)) == anew

    # For people.
    text = meter.text("lineage", tested[0]["id"]).stdout
    assert "kept by the audit coin" in text and "held out by meter-digits@2 (active" in text
    text = meter.text("lineage", "meter-digits@2").stdout
    assert "30 predicted by meter-digits@1 (previous" in text and f"batch {FOREIGN} is not of this device" in text


def follow(found, sample, truth, asked, taught):
    """Every link of a sample that was labeled and left for training."""
    assert found["frame"]["sha256"] == sample["sha256"] and found["frame"]["origin"] == sample["origin"]
    for key in ("reason", "inclusion_probability", "utility", "split", "scene"):
        assert found["kept"].get(key) == sample.get(key)
    top = sample["prediction"]["classes"][0]
    assert version(found["predicted"]["model"]) == "meter-digits@1"
    assert (found["predicted"]["class"], found["predicted"]["score"]) == (top["label"], top["score"])
    assert {version(said["model"]) for said in found["scored_anew"]} <= {"meter-digits@2"}
    (label,) = found["labels"]
    right = truth[sample["origin"]]
    assert label["value"] == right and label["counts"]
    links = [(line["batch"]["id"], line["batch"]["purpose"], line["batch"]["state"], line.get("label")) for line in found["batches"]]
    assert links == [(asked, "labeling", "delivered", None), (taught, "training", "delivered", right)]
    (trained,) = found["models"]
    assert version(trained["model"]) == "meter-digits@2" and trained["batches"] == [taught]
    assert trained["relation"] == ("held_out" if sample["split"] == "test" else "trained_on")


def test_what_a_model_does_not_say_is_unknown_and_a_correction_counts(meter, camera, data, meter_bundles, meter_truth, tmp_path):
    truth = {row["file"].split("/")[-1]: row["label"] for row in meter_truth["field"]}
    write_configuration(meter.folder, KEEP_ALL)
    camera(*(f"meter-digits/{row['file']}" for row in meter_truth["field"][:10]))
    meter("run", "--until-end")
    _, sent = export(meter, "labeling", tmp_path / "labeling")
    label(meter, sent, truth, tmp_path / "labels.csv")
    taught, training = export(meter, "training", tmp_path / "training")
    meter("model", "import", meter_bundles[2])
    # The third says that audit samples were trained on too.
    folder = data / "models" / "meter-digits-v2"
    changes = {"version": 3, "trained_on": [taught], "trained_on_test": True}
    meter("model", "import", bundles.make(folder, tmp_path / "v3", **changes), "--stage")
    sample = training[0]
    wrong = "0" if truth[sample["origin"]] != "0" else "1"
    meter("label", "set", sample["id"], wrong)
    found = meter("lineage", sample["id"])["sample"]
    relations = {version(line["model"]): (line["relation"], line["batches"]) for line in found["models"]}
    assert relations == {"meter-digits@3": ("trained_on", [taught]), "meter-digits@2": ("unknown", [])}
    assert [(line["value"], line["counts"]) for line in found["labels"]] == [(truth[sample["origin"]], False), (wrong, True)]
    assert found["batches"][-1]["label"] == truth[sample["origin"]], "the batch has the label that it left with"
    assert "meter-digits@2 (active" in meter.text("lineage", sample["id"]).stdout
    assert meter("lineage", "meter-digits@3")["model"]["trained_on"]["includes_test"]


def test_an_unknown_name_is_an_error_that_says_what_there_is(meter):
    meter.fails("lineage", "7-1", naming=["there is no sample '7-1'", "gleaner sample list"])
    meter.fails("lineage", "orchard", naming=["there is no model 'orchard'", "meter-digits@1"])
    meter.fails("lineage", "meter-digits@9", naming=["there is no model 'meter-digits@9'", "meter-digits@1"])
    for nonsense in ("Orchard 7!", "", "a@b", "@3"):
        meter.fails("lineage", nonsense, naming=["neither a sample nor a model", "3-42", "name@version"])
    assert json.loads(meter.text("lineage", "meter-digits", "--json").stdout)["kind"] == "model"
