"""The loop on real meter pictures: collect offline, label, swap the model while running, go on."""

import csv
import json
import re
import time
from collections import Counter

import numpy as np
import onnxruntime
import pytest
from driver import samples_of, stop, wait_for, write_configuration
from PIL import Image

KEEP_ALL = """\
        source: folder:camera
        selection:
          budget: {share: 1}
          deduplicate: false
        """


def pictures(rows):
    return [f"meter-digits/{row['file']}" for row in rows]


def test_the_loop_on_the_field_split(meter, camera, meter_bundles, meter_truth, tmp_path):
    rows = meter_truth["field"]
    truth = {row["file"].split("/")[-1]: row["label"] for row in rows}
    write_configuration(meter.folder, "source: folder:camera\nselection: {budget: {share: 0.1}}\n")
    half = len(rows) // 2
    camera(*pictures(rows[:half]))

    # Offline, over half of the field.
    progress = meter("run", "--until-end")
    assert progress["offered"] == half
    status = meter.conserved()
    assert status["frames"]["offered"] == half
    kept = meter.samples()
    # Three are kept for each label, as far as there are frames that do not repeat.
    assert 0.15 * half <= len(kept) <= 0.32 * half
    assert {line["sample"]["model"]["version"] for line in kept.values()} == {1}

    # Labels leave, and come back for most.
    batch = meter.export("labeling", "csv,label-studio", tmp_path / "labeling", "--limit", 100)
    sent = samples_of(batch)
    assert len(sent) == 100
    with open(tmp_path / "labels.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "label"])
        table.writerows([sample["id"], truth[sample["origin"]]] for sample in sent[:85])
    report = meter("label", "import", tmp_path / "labels.csv", "--format", "csv")
    assert (report["applied"], report["rejected"]) == (85, [])
    again = meter("label", "import", tmp_path / "labels.csv", "--format", "csv")
    assert (again["applied"], again["unchanged"]) == (0, 85)
    status = meter.conserved()
    assert (status["queue"]["exported"], status["queue"]["labeled"]) == (15, 85)

    # Labeled batches leave for retraining, with a split for each sample; audit samples are for testing.
    training = samples_of(meter.export("training", "imagefolder", tmp_path / "training"))
    assert len(training) == 85
    assert all(sample["label"]["class"] == truth[sample["origin"]] for sample in training)
    assert all((sample["split"] == "test") == (sample["reason"] == "audit") for sample in training)

    # The new model comes in while the collector runs, and not a frame is lost.
    process = meter.start("run")
    wait_for(lambda: meter("status")["frames"]["offered"] == half, 60)
    meter("model", "import", meter_bundles[2])
    camera(*pictures(rows[half : half + 800]))
    wait_for(lambda: meter("status")["frames"]["offered"] == half + 800, 60)
    begin = time.monotonic()
    code, _, errors = stop(process)
    assert code == 0, errors
    assert time.monotonic() - begin < 2
    versions = Counter(line["sample"]["model"]["version"] for line in meter.samples().values())
    assert versions[2] > 0, "the running collector never swapped"

    # It goes on where it stopped.
    camera(*pictures(rows[half + 800 :]))
    progress = meter("run", "--until-end")
    assert progress["offered"] == len(rows) - half - 800
    assert meter.conserved()["frames"]["offered"] == len(rows)
    origins = [line["sample"]["origin"] for line in meter.samples().values()]
    assert len(set(origins)) == len(origins)
    # What was kept under the first model has been seen by the second.
    report = meter("report")
    assert report["labels"]["granted"] == round(0.1 * len(rows))
    assert [model["model"]["version"] for model in report["models"]] == [2, 1]
    assert report["models"][0]["comparison"]["pairs"] > 0
    anew = report["models"][0]["seen_anew"]
    assert 0 < anew["otherwise"] < anew["samples"]
    check_page(meter, tmp_path / "report.html")
    assert meter("model", "rollback")["version"] == 1


def check_page(meter, path):
    """The report as a page: every tag is closed, nothing is fetched, and the models are on it."""
    meter.text("report", "--html", path)
    page = path.read_text()
    void = {"meta", "br"}
    open_tags = []
    for closing, tag, self_closed in re.findall(r"<(/?)([a-z0-9]+)[^>]*?(/?)>", page):
        if closing:
            assert open_tags.pop() == tag
        elif not self_closed and tag not in void:
            open_tags.append(tag)
    assert open_tags == []
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)
    assert "meter-digits@1" in page and "meter-digits@2" in page


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("split", ["test_known", "test_field"])
def test_accuracy_is_what_python_measures(gleaner, camera, data, meter_bundles, meter_truth, tmp_path, version, split):
    rows = meter_truth[split]
    camera(*pictures(rows))
    write_configuration(gleaner.folder, KEEP_ALL)
    gleaner("model", "import", meter_bundles[version])
    gleaner("run", "--until-end")
    sent = samples_of(gleaner.export("labeling", "csv", tmp_path / "out", "--limit", len(rows)))
    assert len(sent) == len(rows)
    said = {sample["origin"]: sample["prediction"]["classes"][0]["label"] for sample in sent}
    ours = np.mean([said[row["file"].split("/")[-1]] == row["label"] for row in rows])
    theirs = python_accuracy(data, data / "models" / f"meter-digits-v{version}", rows)
    print(f"meter-digits-v{version} on {split}: {ours:.4f} through Gleaner, {theirs:.4f} through Python")
    assert abs(ours - theirs) <= 0.005


def python_accuracy(data, folder, rows):
    described = json.loads((folder / "model.json").read_text())
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    right = 0
    for row in rows:
        pixels = np.asarray(Image.open(data / "meter-digits" / row["file"]).convert("RGB"), "f4")
        frame = bilinear(pixels, 32, 20)[None]
        (scores,) = session.run(None, {described["inputs"][0]["name"]: frame})
        right += described["labels"][scores[0].argmax()] == row["label"]
    return right / len(rows)


def bilinear(pixels, height, width):
    """The four neighbours, pixel centres at half-integers: what the models' makers used."""
    for axis, target in ((0, height), (1, width)):
        size = pixels.shape[axis]
        place = np.clip((np.arange(target) + 0.5) * size / target - 0.5, 0, size - 1)
        first = np.minimum(place.astype(int), size - 2)
        part = np.expand_dims(place - first, tuple(at for at in range(3) if at != axis)).astype("f4")
        pixels = np.take(pixels, first, axis) * (1 - part) + np.take(pixels, first + 1, axis) * part
    return pixels
