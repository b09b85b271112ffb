"""What the report says of a model is what a hand's calculation says."""

import csv

import numpy as np
from driver import samples_of, write_configuration

# Every frame is an audit sample: the estimates are then plain means.
ALL_AUDIT = """\
source: folder:camera
selection: {budget: {share: 1}, audit_share: 1, deduplicate: false}
"""


def labels(path, samples, truth):
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "label"])
        table.writerows([sample["id"], truth[sample["origin"]]] for sample in samples)
    return path


def test_accuracy_calibration_and_guess_are_what_a_hand_calculates(meter, camera, meter_truth, tmp_path):
    rows = meter_truth["field"][:160]
    truth = {row["file"].split("/")[-1]: row["label"] for row in rows}
    write_configuration(meter.folder, ALL_AUDIT)
    camera(*(f"meter-digits/{row['file']}" for row in rows))
    meter("run", "--until-end")
    samples = [line["sample"] for line in meter.samples().values()]
    assert len(samples) == 160
    confidence = np.array([sample["prediction"]["classes"][0]["score"] for sample in samples])
    report = meter("report")["models"][0]
    assert "accuracy" not in report and "calibration" not in report
    assert abs(report["guess"]["value"] - confidence.mean()) < 1e-6 and not report["guess"]["corrected"]

    batch = meter.export("labeling", "csv", tmp_path / "labeling")
    meter("label", "import", labels(tmp_path / "labels.csv", samples_of(batch), truth), "--format", "csv")
    whole = meter("report")
    report = whole["models"][0]
    right = np.array([sample["prediction"]["classes"][0]["label"] == truth[sample["origin"]] for sample in samples])
    assert abs(report["accuracy"]["value"] - right.mean()) < 1e-6
    assert "guess" not in report and report["warnings"] == []
    # Ten groups of sixteen by confidence.
    order = np.argsort(confidence, kind="stable")
    error = np.mean([abs(confidence[part].mean() - right[part].mean()) for part in np.array_split(order, 10)])
    assert abs(report["calibration"]["error"] - error) < 0.01
    assert report["calibration"]["temperature"] > 1, "a model in the field that is not too sure"
    # It is where the log loss is least: a step to either side makes it worse.
    scores = np.array([[each["score"] for each in sample["prediction"]["classes"]] for sample in samples]).clip(1e-7)
    place = [[each["label"] for each in sample["prediction"]["classes"]].index(truth[sample["origin"]]) for sample in samples]

    def loss(temperature):
        powers = scores ** (1 / temperature)
        return -np.log(powers[np.arange(len(place)), place] / powers.sum(1)).mean()

    found = report["calibration"]["temperature"]
    assert loss(found) <= min(loss(found * 0.9), loss(found * 1.1))

    assert report["redundancy"] == 0 and report["offered"] == 160
    assert sum(line["count"] for line in report["lines"]) == 160
    counts = {name: list(truth.values()).count(name) for name in set(truth.values())}
    assert {each["class"]: each["labels"] for each in whole["classes"] if each["labels"]} == counts
    assert [each["labels"] for each in whole["classes"]] == sorted(each["labels"] for each in whole["classes"])
    text = meter.text("report").stdout
    assert "calibration" in text and "temperature" in text


def test_labels_that_come_for_some_only_are_a_warning(meter, camera, meter_truth, tmp_path):
    rows = meter_truth["field"][:300]
    truth = {row["file"].split("/")[-1]: row["label"] for row in rows}
    write_configuration(
        meter.folder, "source: folder:camera\nselection: {budget: {share: 0.6}, audit_share: 0.4, deduplicate: false}\n")
    camera(*(f"meter-digits/{row['file']}" for row in rows))
    meter("run", "--until-end")
    batch = meter.export("labeling", "csv", tmp_path / "labeling")
    sent = samples_of(batch)
    chosen = [sample for sample in sent if sample["reason"] != "audit"]
    audit = [sample for sample in sent if sample["reason"] == "audit"]
    assert min(len(chosen), len(audit)) >= 30
    answered = labels(tmp_path / "labels.csv", chosen + audit[: len(audit) // 2], truth)
    meter("label", "import", answered, "--format", "csv")
    warnings = meter("report")["models"][0]["warnings"]
    answered_share = round(100 * (len(audit) // 2) / len(audit))
    assert len(warnings) == 1 and f"{answered_share} % of the audit samples" in warnings[0]
    assert "warning" in meter.text("report").stdout


def test_a_camera_that_is_turned_is_noticed(meter, camera, meter_truth):
    """Meters that the model knows, then ones that it does not."""
    write_configuration(
        meter.folder, "source: folder:camera\nselection: {budget: {share: 0.3}, audit_share: 0.5}\n")
    known = [row["file"] for row in meter_truth["train"][:600]]
    camera(*(f"meter-digits/{name}" for name in known), prefix="a-")
    meter("run", "--until-end")
    assert meter("report")["drift"] == []
    camera(*(f"meter-digits/{row['file']}" for row in meter_truth["field"][:600]), prefix="b-")
    meter("run", "--until-end")
    drift = meter("report")["drift"]
    whole = meter("report")
    repeated = sum(line["count"] for line in whole["lines"] if line["reason"] == "duplicate")
    assert repeated > 100 and abs(whole["models"][0]["redundancy"] - repeated / 1200) < 1e-9
    assert any("less sure" in alarm["what"] for alarm in drift), drift
    assert "drift:" in meter.text("report").stdout
    probabilities = {line["sample"]["inclusion_probability"] for line in meter.samples().values()}
    assert {round(each, 6) for each in probabilities if each < 1} >= {0.15, 0.3}
