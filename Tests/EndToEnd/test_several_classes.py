"""A classifier whose classes do not exclude each other, all the way round."""

import json
import shutil

import numpy as np
import pytest
import synthetic
from driver import Gleaner, samples_of, write_configuration
from PIL import Image

LABELS = ["wet", "dark", "mud"]


@pytest.fixture
def barn(gleaner, tmp_path):
    """Claims `wet` and `mud`, and is in doubt of `dark`."""
    scores = np.array([[0.9, 0.45, 0.7]], np.float32)
    logits = {"tags": np.log(scores / (1 - scores))}
    model = synthetic.write(tmp_path / "tags.onnx", logits, shape=(1, 3, 32, 32), last="Sigmoid")
    report = gleaner("model", "import", model, "--labels", ",".join(LABELS))
    (decoder,) = [each for each in report["assumptions"] if each["what"] == "decoder"]
    assert decoder["value"] == "classification" and "a logistic function of its own" in decoder["reason"]
    for index in range(4):
        Image.new("RGB", (64, 48), (60 * index, 90, 10)).save(gleaner.folder / "camera" / f"{index}.png")
    write_configuration(gleaner.folder, "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\n")
    gleaner("run", "--until-end")
    return gleaner


def labels_of(gleaner):
    return {id: line["sample"]["label"]["classes"] for id, line in gleaner.samples().items() if "label" in line["sample"]}


def test_doubt_is_that_of_the_class_in_most_doubt(barn):
    for line in barn.samples().values():
        sample = line["sample"]
        assert sample["prediction"]["score_min"] == 0.5
        if sample["reason"] != "audit":
            assert abs(sample["utility"] - 0.9) < 0.01  # 1 − |2 · 0.45 − 1|


@pytest.mark.parametrize("name", ["coco", "label-studio", "csv", "cvat", "webdataset"])
def test_several_classes_leave_and_come_back(barn, tmp_path, name):
    ids = sorted(barn.samples())
    blank = Gleaner(barn.binary, tmp_path / "blank")
    shutil.copytree(barn.folder, blank.folder)
    for id, value in zip(ids, ["wet,mud", "none", "dark", "unusable"]):
        barn("label", "set", id, value)
    wanted = {ids[0]: ["mud", "wet"], ids[1]: [], ids[2]: ["dark"]}
    batch = barn.export("training", name, tmp_path / "out")
    files = {"coco": "coco-*.json", "label-studio": "label-studio.json", "csv": "samples.csv"}.get(name)
    options = ["--format-option", "empty=labeled"] if name == "cvat" else []
    for path in batch.glob(files) if files else [batch]:
        report = blank("label", "import", path, "--format", name, *options)
        assert report["rejected"] == []
    found = {}
    for id, line in blank.samples().items():
        if label := line["sample"].get("label"):
            found[id] = label.get("classes", label["kind"])
    assert found.pop(ids[3], "unusable") == "unusable"
    assert found == wanted


def test_what_the_model_claims_leaves_for_labeling(barn, tmp_path):
    batch = barn.export("labeling", "label-studio", tmp_path / "out")
    assert 'choice="multiple"' in (batch / "label-studio-config.xml").read_text()
    for task in json.loads((batch / "label-studio.json").read_text()):
        assert task["predictions"][0]["result"][0]["value"]["choices"] == ["wet", "mud"]
    assert json.loads((batch / "manifest.json").read_text())["header"]["allows_several_classes"] is True
    assert len(samples_of(batch)) == 4


def test_a_folder_for_each_class_cannot_hold_two(barn, tmp_path):
    id = sorted(barn.samples())[0]
    barn("label", "set", id, "wet,mud")
    barn.fails("export", "--for", "training", "--format", "yolo", "--to", tmp_path / "out", naming=["2 classes", "coco"])
    barn.fails("label", "set", id, "wet,snow", naming=["snow"])
    assert labels_of(barn) == {id: ["mud", "wet"]}
