"""Models that come as an ONNX file alone."""

import json

import bundles
import numpy as np
import pytest
import synthetic
from driver import samples_of, write_configuration
from onnx import TensorProto
from PIL import Image

NAMES = ",".join(synthetic.LABELS)

# What the model gives, its notes, what a person must say, and the decoder that is to be found.
KINDS = {
    "YOLOv8": (synthetic.yolov8, synthetic.ULTRALYTICS, [], "yolov8"),
    "YOLOv8 in halves": (lambda: synthetic.yolov8(np.float16), synthetic.ULTRALYTICS, [], "yolov8"),
    "YOLOv5": (synthetic.yolov5, {"names": "['cat', 'dog', 'cow']", "stride": "32"}, [], "yolov5"),
    "YOLOX": (synthetic.yolox, {}, ["--labels", NAMES], "yolox"),
    "YOLOv10": (synthetic.yolov10, synthetic.ULTRALYTICS, [], "yolo-end-to-end"),
    "RT-DETR": (synthetic.rt_detr, {}, ["--labels", NAMES], "detr"),
    "RT-DETR of Ultralytics": (synthetic.rt_detr_ultralytics, synthetic.ULTRALYTICS, ["--fit", "stretch"], "yolov8"),
    "TensorFlow": (synthetic.tensorflow, {}, ["--labels", NAMES], "boxes"),
    "YOLOv4-tiny": (
        synthetic.yolov4_tiny,
        {},
        ["--labels", NAMES, "--decoder", "yolo-anchors", "--decoder-option", "scale_x_y=1.05"]
        + ["--decoder-option", "heads=" + json.dumps([{"output": f"yolo{i}", "anchors": synthetic.ANCHORS[i]} for i in (0, 1)])],
        None,
    ),
}


def predicted(gleaner, to):
    """What the active model claims to see in one frame of the synthetic models' size."""
    Image.effect_noise(synthetic.FRAME, 60).convert("RGB").save(gleaner.folder / "camera" / "frame.png")
    write_configuration(gleaner.folder, "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\n")
    gleaner("run", "--until-end")
    (sample,) = samples_of(gleaner.export("labeling", "coco", to))
    prediction = sample["prediction"]
    return [box for box in prediction["boxes"] if box["score"] >= prediction["score_min"]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_detector_is_known_by_its_outputs(gleaner, tmp_path, kind):
    outputs, notes, words, decoder = KINDS[kind]
    model = synthetic.write(tmp_path / "net.onnx", outputs(), notes)
    if not words:
        assert gleaner("model", "verify", model)["manifest"]["labels"] == synthetic.LABELS
        assert gleaner("model", "list")["models"] == []
    report = gleaner("model", "import", model, *words)
    assert report["labels"] == synthetic.LABELS
    assert report["model"]["name"] == "net" and report["model"]["version"] == 1
    assumed = {each["what"]: each["value"] for each in report["assumptions"]}
    assert assumed.get("decoder") == decoder
    found = predicted(gleaner, tmp_path / "out")
    assert len(found) == len(synthetic.OBJECTS), found
    for box, (corners, label, score) in zip(found, synthetic.OBJECTS):
        place = box["box"]
        sides = (place["x"], place["y"], place["x"] + place["width"], place["y"] + place["height"])
        assert box["label"] == synthetic.LABELS[label]
        assert abs(box["score"] - score) < 0.005
        assert all(abs(a - b) < 1 for a, b in zip(sides, corners)), (sides, corners)


def test_what_was_assumed_is_told_with_the_option_that_says_otherwise(gleaner, tmp_path):
    model = synthetic.write(tmp_path / "net.onnx", synthetic.yolox())
    told = gleaner.text("model", "import", model, "--labels", NAMES).stderr
    assert "decoder yolox" in told and "--decoder" in told
    assert "color BGR (as YOLOX is trained; otherwise: --color)" in told
    assert "scale 0…255" in told


def test_a_model_that_names_no_classes_asks_for_them(gleaner, tmp_path):
    model = synthetic.write(tmp_path / "net.onnx", synthetic.yolov8())
    refused = gleaner.text("model", "import", model, status=1).stderr
    assert "does not name its 3 classes" in refused and "--labels" in refused
    assert list((gleaner.folder / "models").glob(".incoming*")) == []


def test_labels_that_are_too_few_are_counted(gleaner, tmp_path):
    model = synthetic.write(tmp_path / "net.onnx", synthetic.yolov5())
    refused = gleaner.text("model", "import", model, "--labels", "cat", status=1).stderr
    assert "4 + 4 or 5 + 3 attributes do not fit 1 labels" in refused


def test_raw_heads_ask_for_their_anchors(gleaner, tmp_path):
    model = synthetic.write(tmp_path / "net.onnx", synthetic.yolov4_tiny())
    refused = gleaner.text("model", "import", model, "--labels", NAMES, status=1).stderr
    assert "anchors" in refused and "yolo-anchors" in refused


def test_offsets_are_not_taken_for_corners(gleaner, data):
    refused = gleaner.text(
        "model", "import", data / "models/ultraface-rfb-320-raw/model.onnx", "--labels", "face", status=1
    ).stderr
    assert "offsets from priors" in refused


@pytest.mark.parametrize("notes", [{"task": "segment"}, {"task": "pose"}])
def test_a_task_that_is_none_of_ours_is_named(gleaner, tmp_path, notes):
    model = synthetic.write(tmp_path / "net.onnx", synthetic.yolov8(), {**synthetic.ULTRALYTICS, **notes})
    assert notes["task"] in gleaner.text("model", "import", model, status=1).stderr


def test_a_size_that_is_open_is_asked_for(gleaner, tmp_path):
    open_size = ("batch", 3, "height", "width")
    model = synthetic.write(tmp_path / "net.onnx", synthetic.yolov8(), shape=open_size)
    assert "--size" in gleaner.text("model", "import", model, "--labels", NAMES, status=1).stderr
    gleaner("model", "import", model, "--labels", NAMES, "--size", "320x320")
    noted = synthetic.write(tmp_path / "noted.onnx", synthetic.yolov8(), synthetic.ULTRALYTICS, shape=open_size)
    gleaner("model", "import", noted)


def test_a_retrained_file_takes_the_place_of_the_active_model(meter, data):
    report = meter("model", "import", data / "models/meter-digits-v2/model.onnx")
    assert (report["model"]["name"], report["model"]["version"]) == ("meter-digits", 2)
    assert report["labels"] == [str(digit) for digit in range(10)]
    assert report["assumptions"][0]["value"] == "as meter-digits@1"
    again = meter("model", "import", data / "models/meter-digits-v2/model.onnx")
    assert again["known"] and again["model"] == report["model"]


def test_another_description_of_the_same_file_is_another_version(gleaner, tmp_path):
    model = synthetic.write(tmp_path / "net.onnx", synthetic.yolox())
    versions = []
    for words in (["--color", "BGR"], ["--color", "RGB"], ["--color", "RGB"], ["--color", "BGR"]):
        report = gleaner("model", "import", model, "--labels", NAMES, *words, "--allow-downgrade")
        versions.append((report["model"]["version"], report["known"]))
    assert versions == [(1, False), (2, False), (2, True), (1, True)]


def test_a_bundle_that_changed_without_a_new_version_is_refused(gleaner, data, tmp_path):
    gleaner("model", "import", bundles.make(data / "models/meter-digits-v1", tmp_path / "one"))
    changed = bundles.make(data / "models/meter-digits-v1", tmp_path / "two", color="BGR")
    gleaner.fails("model", "import", changed, naming=["another model.json", "raise its version"])


def test_a_bundle_says_everything_itself(gleaner, data, tmp_path):
    bundle = bundles.make(data / "models/meter-digits-v1", tmp_path / "meter")
    assert "model.json" in gleaner.text("model", "import", bundle, "--labels", "cat", status=1).stderr


def test_halves_and_bytes_go_in(gleaner, tmp_path):
    for name, kind in [("half", TensorProto.FLOAT16), ("bytes", TensorProto.UINT8), ("signed", TensorProto.INT8)]:
        model = synthetic.write(tmp_path / f"{name}.onnx", synthetic.yolov8(), synthetic.ULTRALYTICS, input_type=kind)
        gleaner("model", "import", model)
    write_configuration(gleaner.folder, "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\n")
    assert len(predicted(gleaner, tmp_path / "out")) == 2


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_model_that_gives_no_numbers_is_refused(gleaner, tmp_path, bad):
    outputs = synthetic.yolov8()
    outputs["output0"][0, 5, 7] = bad
    model = synthetic.write(tmp_path / "net.onnx", outputs, synthetic.ULTRALYTICS)
    assert "NaN or infinity" in gleaner.text("model", "import", model, status=1).stderr
