"""Detection on real orchard pictures, and the way to a labeling tool and back."""

import json
from pathlib import Path

import pytest
from driver import samples_of, write_configuration
from pycocotools.coco import COCO

FIELD = "detection/orchard_apple/images/field"


@pytest.fixture
def orchard(detector, camera, data):
    """The detector, having looked at the field pictures and kept the fifth it was least sure of."""
    write_configuration(detector.folder, "source: folder:camera\nselection: {budget: {share: 0.2}, uncertainty_weight: 1}\n")
    offered = camera(*(f"{FIELD}/{path.name}" for path in sorted((data / FIELD).iterdir())))
    detector("run", "--until-end")
    assert detector.conserved()["frames"]["offered"] == offered
    return detector


def test_boxes_are_what_the_models_makers_got(detector, camera, data, tmp_path):
    expected = json.loads((data / "models/fastestdet-coco-352/model.json").read_text())["expected"]
    camera(*(f"models/{each['picture']}" for each in expected))
    write_configuration(
        detector.folder, "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\n"
    )
    detector("run", "--until-end")
    sent = {sample["origin"]: sample for sample in samples_of(detector.export("labeling", "coco", tmp_path / "out"))}
    for each in expected:
        prediction = sent[Path(each["picture"]).name]["prediction"]
        claimed = [box for box in prediction["boxes"] if box["score"] >= prediction["score_min"]]
        assert len(claimed) == each["count"], each["picture"]
        for wanted in each["detections"]:
            assert any(is_same(box, wanted) for box in claimed), f"{each['picture']}: no {wanted} in {claimed}"


def is_same(found, wanted):
    box = found["box"]
    corners = (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])
    return (
        found["label"] == wanted["label"]
        and abs(found["score"] - wanted["score"]) <= 0.02
        and all(abs(a - b) <= 2 for a, b in zip(corners, wanted["box_xyxy"]))
    )


def test_uncertain_frames_leave_as_coco(orchard, tmp_path):
    batch = orchard.export("labeling", "coco", tmp_path / "out")
    sent = samples_of(batch)
    assert {sample["reason"] for sample in sent} >= {"box-uncertainty"}
    coco = COCO(str(batch / "coco.json"))
    assert len(coco.getImgIds()) == len(sent)
    results = coco.loadRes([{**each, "score": each["score"]} for each in coco.dataset["annotations"]])
    assert len(results.getAnnIds()) == len(coco.dataset["annotations"])
    for picture in coco.loadImgs(coco.getImgIds()):
        assert (batch / picture["file_name"]).is_file()


def test_a_real_label_studio_takes_it_and_gives_it_back(orchard, data, label_studio, tmp_path):
    batch = orchard.export("labeling", "label-studio", tmp_path / "out")
    sent = {sample["id"]: sample for sample in samples_of(batch)}
    server = label_studio(batch)
    project = server.make_project((batch / "label-studio-config.xml").read_text(), batch / "frames")
    tasks = server.import_tasks(project, batch / "label-studio.json")
    assert {task["data"]["sample_id"] for task in tasks} == set(sent)

    # Pictures are shown, and the model's boxes are there to begin with.
    for task in tasks[:3]:
        sample = sent[task["data"]["sample_id"]]
        assert server.call("GET", task["data"]["image"]).content == (batch / sample["file"]).read_bytes()
    claimed = {
        id: [box for box in sample["prediction"]["boxes"] if box["score"] >= sample["prediction"]["score_min"]]
        for id, sample in sent.items()
    }
    assert sum(task["total_predictions"] for task in tasks) == sum(bool(boxes) for boxes in claimed.values())

    # A person draws the apples; one frame is skipped, one is unusable, and one gets no answer.
    truth = apples(data)
    *drawn, skipped, unusable, silent = sorted(tasks, key=lambda task: task["id"])
    for task in drawn:
        sample = sent[task["data"]["sample_id"]]
        server.annotate(task["id"], [region(box, sample) for box in truth[sample["origin"]]])
    server.annotate(skipped["id"], [], was_cancelled=True)
    choice = {"from_name": "frame", "to_name": "image", "type": "choices", "value": {"choices": ["unusable"]}}
    server.annotate(unusable["id"], [choice])

    exported = server.export(project, tmp_path / "annotated.json")
    report = orchard("label", "import", exported, "--format", "label-studio")
    assert (report["applied"], report["rejected"]) == (len(drawn) + 1, [])
    queue = orchard.conserved()["queue"]
    assert (queue["labeled"], queue["unusable"], queue["exported"]) == (len(drawn), 1, 2)
    again = orchard("label", "import", exported, "--format", "label-studio")
    assert (again["applied"], again["unchanged"]) == (0, len(drawn) + 1)
    check_training_boxes(orchard.export("training", "coco", tmp_path / "training"), truth)


def check_training_boxes(batch, truth):
    """The boxes that leave for training are those that were drawn, read by pycocotools."""
    origins = {sample["id"]: sample["origin"] for sample in samples_of(batch)}
    seen = 0
    for path in batch.glob("coco-*.json"):
        coco = COCO(str(path))
        for picture in coco.loadImgs(coco.getImgIds()):
            boxes = [each["bbox"] for each in coco.loadAnns(coco.getAnnIds(picture["id"]))]
            wanted = truth[origins[picture["gleaner_id"]]]
            assert len(boxes) == len(wanted)
            for ours, theirs in zip(sorted(boxes), sorted(wanted)):
                assert all(abs(a - b) <= 1 for a, b in zip(ours, theirs)), (ours, theirs)
            seen += 1
    assert seen == len(origins) > 0


def apples(data):
    """Boxes [x, y, width, height] of the field pictures, by file name."""
    document = json.loads((data / "detection/orchard_apple/field.json").read_text())
    names = {picture["id"]: Path(picture["file_name"]).name for picture in document["images"]}
    boxes = {name: [] for name in names.values()}
    for each in document["annotations"]:
        boxes[names[each["image_id"]]].append(each["bbox"])
    return boxes


def region(box, sample):
    x, y, width, height = box
    percent = {"x": 100 * x / sample["width"], "y": 100 * y / sample["height"]}
    percent |= {"width": 100 * width / sample["width"], "height": 100 * height / sample["height"]}
    return {
        "from_name": "label", "to_name": "image", "type": "rectanglelabels",
        "original_width": sample["width"], "original_height": sample["height"], "image_rotation": 0,
        "value": {**percent, "rotation": 0, "rectanglelabels": ["apple"]},
    }
