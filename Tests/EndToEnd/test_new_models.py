"""What becomes of a retrained model: compared on labels, asked in the shadow, swapped in, watched, confirmed."""

import csv
import json

import bundles
import pack_model
import pytest
from badmodels import corpus
from driver import samples_of, write_configuration

AUDITED = "source: folder:camera\nselection: {budget: {share: 1}, audit_share: 1, deduplicate: false}\n"
LABELED = 300


def configure(gleaner, more=""):
    write_configuration(gleaner.folder, AUDITED + more)


def put(gleaner, data, rows):
    for row in rows:
        picture = data / "meter-digits" / row["file"]
        (gleaner.folder / "camera" / picture.name).write_bytes(picture.read_bytes())


@pytest.fixture
def labeled(meter, data, meter_truth, tmp_path):
    """A deployment on which version 1 has judged 300 frames, all of them audit samples, and all are labeled."""
    configure(meter)
    rows = meter_truth["field"][:LABELED]
    put(meter, data, rows)
    meter("run", "--until-end")
    truth = {row["file"].split("/")[-1]: row["label"] for row in rows}
    sent = samples_of(meter.export("labeling", "csv", tmp_path / "out", "--limit", LABELED))
    with open(tmp_path / "labels.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "label"])
        table.writerows([sample["id"], truth[sample["origin"]]] for sample in sent)
    assert meter("label", "import", tmp_path / "labels.csv", "--format", "csv")["applied"] == LABELED
    # Right answers of version 1, as its live predictions say.
    meter.right = sum(sample["prediction"]["classes"][0]["label"] == truth[sample["origin"]] for sample in sent)
    return meter


def test_the_retrained_model_is_gated_in_with_a_paired_verdict(labeled, meter_bundles):
    report = labeled("model", "import", meter_bundles[2])
    assert (report["state"], report["previous"]) == ("active", "meter-digits@1")
    gate = labeled("model", "show", "meter-digits@2")["gate"]
    print(json.dumps({key: value for key, value in gate.items() if key != "classes"}))
    assert (gate["outcome"], gate["labels"], gate["lineage"]) == ("passed", LABELED, "unknown")
    assert gate["active_right"]["share"] == pytest.approx(labeled.right / LABELED)
    assert gate["wins"] > gate["losses"] and gate["p_value"] < 0.001
    assert gate["difference"]["share"] == pytest.approx((gate["wins"] - gate["losses"]) / LABELED)
    assert gate["difference"]["low"] > 0
    assert sum(line["count"] for line in gate["classes"]) == LABELED
    shown = labeled.text("model", "show", "meter-digits").stdout
    assert "better than meter-digits@1" in shown and "may have been trained on these labels" in shown


def test_shuffled_labels_are_refused(labeled, data, tmp_path):
    labels = [str((digit + 1) % 10) for digit in range(10)]
    bad = bundles.make(data / "models/meter-digits-v1", tmp_path / "shuffled", version=3, labels=labels)
    labeled.fails("model", "import", bad, naming=["worse than meter-digits@1", f"of {LABELED} labeled frames", "--accept"])
    verdict = labeled("model", "show", "meter-digits@3")
    assert (verdict["state"], verdict["gate"]["outcome"]) == ("rejected", "refused")
    print(json.dumps({key: value for key, value in verdict["gate"].items() if key != "classes"}))
    assert labeled("status")["model"]["version"] == 1
    # A person may know better.
    report = labeled("model", "import", "--accept", bad)
    assert (report["state"], report["verdict"]["gate"]["outcome"]) == ("active", "overruled")


def test_golden_frames_tell_a_model_that_is_fed_otherwise(labeled, data, tmp_path):
    # What version 1 says of some frames here is what it has to say of them everywhere.
    batch = labeled.export("training", "csv", tmp_path / "training")
    golden = tmp_path / "golden"
    golden.mkdir()
    chosen = samples_of(batch)[:10]
    pack_model.write_golden(golden, [(str(batch / sample["file"]), sample["prediction"]) for sample in chosen], 0.001)
    good = bundles.make(data / "models/meter-digits-v1", tmp_path / "same", version=2, golden=golden)
    assert labeled("model", "import", good)["verdict"]["proof"]["golden_frames"] == 10
    bad = bundles.make(data / "models/meter-digits-v1", tmp_path / "bgr", version=3, golden=golden, color="BGR")
    labeled.fails("model", "import", bad, naming=["golden/000", "where it was trained", "compare `input`"])


def test_a_model_that_a_person_must_accept_waits(labeled, meter_bundles):
    configure(labeled, "models: {gate: {require: operator}}\n")
    assert labeled("model", "import", meter_bundles[2])["state"] == "staged"
    assert labeled("model", "activate", "meter-digits@2")["version"] == 2


def test_an_older_version_is_not_let_in_again(meter, meter_bundles):
    meter("model", "import", meter_bundles[2])
    meter.fails("model", "import", meter_bundles[1], naming=["meter-digits@1 is older than meter-digits@2", "--allow-downgrade"])
    assert meter("model", "import", "--allow-downgrade", meter_bundles[1])["state"] == "active"


def test_a_batch_carries_what_is_known_of_its_models(labeled, meter_bundles, tmp_path):
    labeled("model", "import", meter_bundles[2])
    batch = labeled.export("training", "csv", tmp_path / "training")
    (model,) = json.loads((batch / "models.json").read_text())["models"]
    assert (model["model"]["version"], model["stage"]) == (1, "confirmed")
    listed = [file["path"] for file in json.loads((batch / "manifest.json").read_text())["files"]]
    assert "models.json" in listed


def test_a_model_is_asked_in_the_shadow_and_then_serves_until_it_is_confirmed(meter, data, meter_truth, meter_bundles):
    rows = meter_truth["field"]
    configuration = "source: folder:camera\nselection: {budget: {share: 0.3}, deduplicate: false}\n"
    models = "models: {shadow: {frames: 50, every: 2, cost: 1}, probation: {frames: 60}}\n"
    write_configuration(meter.folder, configuration + models)
    assert meter("model", "import", meter_bundles[2])["state"] == "shadow"
    put(meter, data, rows[:120])
    meter("run", "--until-end")
    verdict = meter("model", "show", "meter-digits@2")
    assert (verdict["state"], verdict["stage"]) == ("active", "probation")
    shadow = verdict["shadow"]
    print(shadow)
    assert shadow["frames"] == 50
    reasons = [line["sample"]["reason"] for line in meter.samples().values()]
    assert reasons.count("disagreement") == shadow["kept"] > 0
    assert shadow["disagreements"] > 0

    # Its probation goes on over restarts.
    for begin in (120, 160):
        put(meter, data, rows[begin : begin + 40])
        meter("run", "--until-end")
    assert meter("model", "show", "meter-digits@2")["stage"] == "confirmed"
    versions = {line["sample"]["model"]["version"] for line in meter.samples().values()}
    assert versions == {1, 2}
    assert meter.conserved()["frames"]["offered"] == 200


def frames(gleaner, numbers):
    for number in numbers:
        corpus.put(gleaner.folder / "camera", number)
    gleaner("run", "--until-end")
    return gleaner.conserved()["frames"]


def test_a_model_that_crashes_in_the_shadow_goes_and_collecting_goes_on(parts, tmp_path):
    configuration = (parts.folder / "gleaner.yaml").read_text()
    more = "  shadow: {frames: 100, every: 1, cost: 1}\n"
    (parts.folder / "gleaner.yaml").write_text(configuration.replace("models: {", "models:\n  ").rstrip().removesuffix("}") + "\n" + more)
    bundle = corpus.bundle(corpus.marked("crash@run=60"), tmp_path / "bad")
    assert parts("model", "import", bundle)["state"] == "shadow"
    counts = frames(parts, range(90))
    assert (counts["stored"], counts["dropped"]) == (90, 0)
    verdict = parts("model", "show", f"{corpus.NAME}@{corpus.NEXT}")
    assert verdict["state"] == "rejected" and verdict["shadow"]["failure"]["code"] == "model.crashed"
    assert parts("status")["model"]["version"] == corpus.ACTIVE


@pytest.mark.parametrize(
    ("order", "reason"),
    [("nan@run=10,in=run", "of its first"), ("fail@run=10,in=run", "of its first"), ("slow@run=10,ms=500,in=run", "slow")],
)
def test_where_two_models_do_not_fit_the_one_before_comes_back_into_memory(parts, tmp_path, order, reason):
    configuration = (parts.folder / "gleaner.yaml").read_text().rstrip()
    (parts.folder / "gleaner.yaml").write_text(configuration.removesuffix("}") + ", unload_first: true}\n")
    parts("model", "import", corpus.bundle(corpus.marked(order), tmp_path / "bad"))
    counts = frames(parts, range(30))
    assert (counts["stored"], counts["dropped"]) == (30, 0)
    verdict = parts("model", "show", f"{corpus.NAME}@{corpus.NEXT}")
    assert verdict["state"] == "rejected" and reason in verdict["reason"]
    versions = [line["sample"]["model"]["version"] for line in parts.samples().values()]
    assert 0 < versions.count(corpus.NEXT) < 30


def test_a_model_that_went_for_what_it_did_comes_back_only_when_a_person_insists(parts, tmp_path):
    bundle = corpus.bundle(corpus.marked("fail@run=10,in=run"), tmp_path / "bad")
    parts("model", "import", bundle)
    frames(parts, range(30))
    parts.fails("model", "import", bundle, naming=["not let in again", "--retry"])
    parts.fails("model", "activate", f"{corpus.NAME}@{corpus.NEXT}", naming=["rejected"])
    assert parts("model", "import", "--retry", bundle)["state"] == "active"


def test_what_is_the_devices_fault_rejects_no_model(parts, tmp_path):
    parts("model", "import", corpus.bundle(corpus.good(), tmp_path / "better"))
    configuration = parts.folder / "gleaner.yaml"
    right = configuration.read_text()
    configuration.write_text(right + "inference: {library: /nowhere/libonnxruntime.so}\n")
    for _ in range(4):
        parts.fails("run", "--until-end", naming=["/nowhere"])
    configuration.write_text(right)
    counts = frames(parts, range(10))
    assert (counts["stored"], counts["dropped"]) == (10, 0)
    assert parts("model", "show", corpus.NAME)["stage"] == "probation"
    assert parts("status")["model"]["version"] == corpus.NEXT


def test_importing_the_model_that_serves_again_repairs_its_files(meter, meter_bundles, camera):
    (file,) = (meter.folder / "models").glob("*/model.onnx")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    meter.fails("run", "--until-end", naming=["SHA-256 differs", "import meter-digits@1 again"])
    report = meter("model", "import", meter_bundles[1])
    assert (report["state"], report["known"]) == ("active", True)
    assert file.read_bytes() == whole
    meter("run", "--until-end")
