"""From a frame to the models that learned from it, and from a model to the frames that it learned from."""

import bundles
import pytest
from driver import samples_of, write_configuration

FRAMES, SENT, LABELED = 60, 40, 30


@pytest.fixture
def loop(meter, data, meter_truth, tmp_path):
    """The loop, played: version 1 judged 60 frames, 40 left for labeling, 30 came back, and version 2 was trained on them."""
    write_configuration(meter.folder, "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\n")
    rows = meter_truth["field"][:FRAMES]
    for row in rows:
        picture = data / "meter-digits" / row["file"]
        (meter.folder / "camera" / picture.name).write_bytes(picture.read_bytes())
    meter("run", "--until-end")
    meter.labeling = meter.export("labeling", "csv", tmp_path / "labeling", "--limit", SENT)
    truth = {row["file"].split("/")[-1]: row["label"] for row in rows}
    meter.labels = {sample["id"]: truth[sample["origin"]] for sample in samples_of(meter.labeling)[:LABELED]}
    (tmp_path / "labels.csv").write_text("\n".join(["id,label", *(f"{id},{label}" for id, label in meter.labels.items())]))
    meter("label", "import", tmp_path / "labels.csv", "--format", "csv")
    training = meter("export", "--for", "training", "--format", "csv", "--to", tmp_path / "training")["batches"][0]
    meter.training = training["id"]
    foreign = "ab" * 32
    trained = bundles.make(data / "models/meter-digits-v2", tmp_path / "v2", trained_on=[training["id"], foreign])
    meter("model", "import", trained)
    return meter


def test_a_sample_leads_to_the_model_that_learned_from_it(loop):
    id, label = next(iter(loop.labels.items()))
    sample = loop("lineage", id)["sample"]
    record = loop("sample", "show", id)["sample"]
    assert sample["frame"]["sha256"] == record["sha256"]
    assert (sample["predicted"]["model"]["version"], sample["predicted"]["class"]) == (1, record["prediction"]["classes"][0]["label"])
    assert [(each["batch"]["purpose"], each.get("label")) for each in sample["batches"]] == [("labeling", None), ("training", label)]
    assert sample["batches"][1]["batch"]["id"] == loop.training
    assert [(each["value"], each["counts"]) for each in sample["labels"]] == [(label, True)]
    (model,) = [each for each in sample["models"] if each["model"]["version"] == 2]
    assert model["relation"] == ("held_out" if record["split"] == "test" else "trained_on")
    assert model["batches"] == [loop.training]
    shown = loop.text("lineage", id).stdout
    assert "meter-digits@2 (active)" in shown and label in shown


def test_a_model_leads_back_to_the_frames_and_forward_to_what_it_taught(loop):
    newer = loop("lineage", "meter-digits")["model"]
    trained = newer["trained_on"]
    assert (trained["batch_count"], trained["known_count"], trained["includes_test"]) == (2, 1, False)
    known, foreign = trained["batches"]
    assert (known["id"], known["samples"], sum(known["labels"].values())) == (loop.training, LABELED, LABELED)
    assert [(each["model"]["version"], each["samples"]) for each in known["predicted_by"]] == [(1, LABELED)]
    assert foreign == {"id": "ab" * 32}

    older = loop("lineage", "meter-digits@1")["model"]
    assert older["predicted"] == {"samples": FRAMES, "labeled": LABELED, "unusable": 0}
    assert sorted((each["batch"]["purpose"], each["predicted"]) for each in older["batches"]) == [("labeling", SENT), ("training", LABELED)]
    (taught,) = older["taught"]
    assert (taught["model"]["version"], taught["batches"]) == (2, [{"id": loop.training, "samples": LABELED}])
    assert "trained_on" not in older
    shown = loop.text("lineage", "meter-digits@2").stdout
    assert "of another device" in shown and f"{LABELED} predicted by meter-digits@1" in shown


def test_what_is_neither_is_told_from_what_is_not_there(meter):
    meter.fails("lineage", "No such thing", naming=["neither a sample nor a model", "run-sequence", "name@version"])
    meter.fails("lineage", "9-9", naming=["9-9"])
    meter.fails("lineage", "other-model", naming=["other-model", "meter-digits@1"])
