"""Every format out and in, and what other tools may send instead."""

import csv
import json
import shutil
import time

import pytest
import synthetic
from driver import Gleaner, samples_of, write_configuration
from PIL import Image

KEEP_ALL = "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\n"
NAMES = ["plain.png", "with space.png", "Äpfel & Birnen.png", "苹果 #1 (2).jpg", "100%.png", "a,b;'c.png"]
WIDTH, HEIGHT = synthetic.FRAME
TRUTH = [{"label": "cat", "box": {"x": 100, "y": 60, "width": 200, "height": 160}}, {"label": "cow", "box": {"x": 0, "y": 0, "width": 640, "height": 480}}]


@pytest.fixture
def barn(gleaner, tmp_path):
    """A deployment that has kept a few frames with awkward names."""
    model = synthetic.write(tmp_path / "net.onnx", synthetic.yolov8(), synthetic.ULTRALYTICS)
    gleaner("model", "import", model)
    for index, name in enumerate(NAMES):
        Image.new("RGB", synthetic.FRAME, (40 * index, 90, 200 - 30 * index)).save(gleaner.folder / "camera" / name)
    write_configuration(gleaner.folder, KEEP_ALL)
    gleaner("run", "--until-end")
    assert {line["sample"]["origin"] for line in gleaner.samples().values()} == set(NAMES)
    return gleaner


@pytest.fixture
def ids(barn):
    return sorted(barn.samples())


def boxes_of(gleaner):
    """Each labeled sample's boxes, rounded to a thousandth of a pixel."""
    found = {}
    for id, line in gleaner.samples().items():
        if label := line["sample"].get("label"):
            found[id] = sorted((b["label"], *(round(b["box"][k], 2) for k in ("x", "y", "width", "height"))) for b in label["boxes"])
    return found


@pytest.mark.parametrize("name", ["coco", "label-studio", "csv", "yolo", "voc", "cvat", "imagefolder", "webdataset"])
def test_what_leaves_in_a_format_comes_back_in_it(barn, ids, tmp_path, name):
    blank = Gleaner(barn.binary, tmp_path / "blank")
    shutil.copytree(barn.folder, blank.folder)
    with open(tmp_path / "truth.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label"])
        writer.writerows((id, json.dumps(TRUTH[: index % 3])) for index, id in enumerate(ids))
    barn("label", "import", tmp_path / "truth.csv", "--format", "csv")
    batch = barn.export("training", name, tmp_path / "out")
    files = {"coco": "coco-*.json", "label-studio": "label-studio.json", "csv": "samples.csv"}.get(name)
    for path in batch.glob(files) if files else [batch]:
        empty = ["--format-option", "empty=labeled"] if name == "cvat" else []
        report = blank("label", "import", path, "--format", name, *empty)
        assert report["rejected"] == [] and report["unknown_classes"] == []
    assert boxes_of(blank) == boxes_of(barn)
    assert len(boxes_of(blank)) == len(NAMES)


# Labels that other tools might send


def coco(id, categories=((1, "cat"), (2, "dog"), (3, "cow")), annotations=(), **picture):
    return json.dumps({
        "images": [{"id": 7, "file_name": f"some where/{id}.png", "width": WIDTH, "height": HEIGHT, **picture}],
        "categories": [{"id": number, "name": name} for number, name in categories],
        "annotations": [{"id": index, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], **each} for index, each in enumerate(annotations)],
    })


def take(gleaner, path, content, format, *options):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return gleaner("label", "import", path, "--format", format, *options)


@pytest.mark.parametrize("bbox", [
    [10, 10, 0, 5], [10, 10, -5, 5], [10, 10, 5, -5], [700, 10, 5, 5], [600, 400, 100, 100], [-50, 10, 20, 5], [1, 2, 3],
    [1e400, 0, 1, 1], [10, 10, 1e300, 1],
])
def test_a_box_that_cannot_be_rejects_its_frame(barn, ids, tmp_path, bbox):
    text = coco(ids[0], annotations=[{}, {"bbox": bbox}]).replace("Infinity", "1e400")
    report = take(barn, tmp_path / "labels.json", text, "coco")
    assert (report["applied"], len(report["rejected"])) == (0, 1)
    reason = report["rejected"][0]["reason"]
    assert "box" in reason or "1e400" in reason
    assert boxes_of(barn) == {}


@pytest.mark.parametrize("categories", [((0, "cat"), (1, "dog")), ((3, "dog"), (90, "cat")), ((-4, "cat"), (1, "dog"))])
def test_categories_may_begin_anywhere_and_have_gaps(barn, ids, tmp_path, categories):
    number = next(number for number, name in categories if name == "cat")
    text = coco(ids[0], categories, [{"category_id": number}])
    assert take(barn, tmp_path / "labels.json", text, "coco")["applied"] == 1
    assert boxes_of(barn) == {ids[0]: [("cat", 1, 2, 3, 4)]}


def test_a_category_that_is_not_listed_rejects_its_frame(barn, ids, tmp_path):
    report = take(barn, tmp_path / "labels.json", coco(ids[0], annotations=[{}, {"category_id": 9}]), "coco")
    assert report["applied"] == 0 and "9" in report["rejected"][0]["reason"]


def test_an_image_id_that_is_there_twice_changes_nothing(barn, ids, tmp_path):
    document = json.loads(coco(ids[0], annotations=[{}]))
    document["images"].append({**document["images"][0], "file_name": f"{ids[1]}.png"})
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(document))
    barn.fails("label", "import", path, "--format", "coco", naming=["id 7", "another image"])
    assert boxes_of(barn) == {}


def test_annotation_ids_do_not_matter(barn, ids, tmp_path):
    text = coco(ids[0], annotations=[{"id": 5}, {"id": 5, "bbox": [5, 6, 7, 8]}])
    assert take(barn, tmp_path / "labels.json", text, "coco")["applied"] == 1
    assert len(boxes_of(barn)[ids[0]]) == 2


def test_a_million_boxes_end_in_a_verdict(barn, ids, tmp_path):
    begin = time.monotonic()
    line = b'{"image_id":7,"category_id":1,"bbox":[1,2,3,4]}'
    head, tail = coco(ids[0]).encode().split(b'"annotations": []')
    report = take(barn, tmp_path / "labels.json", head + b'"annotations": [' + b",".join([line] * 1_000_000) + b"]" + tail, "coco")
    assert report["applied"] + len(report["rejected"]) == 1
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo/classes.txt").write_text("cat\n")
    (tmp_path / f"yolo/{ids[1]}.txt").write_text("0 .5 .5 .1 .1\n" * 1_000_000)
    report = barn("label", "import", tmp_path / "yolo", "--format", "yolo")
    assert "lines" in report["rejected"][0]["reason"]
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize(("content", "naming"), [
    ('id,label\n"x,cat\n', ["quote"]), ('id,label\nx,"ca"t\n', ["quote"]), ("id,label\n\xff,cat\n".encode("latin-1"), ["utf-8"]),
    ("id,label\n".encode("utf-16"), ["utf-8"]),
])
def test_a_csv_file_that_is_none_changes_nothing(barn, tmp_path, content, naming):
    path = tmp_path / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    barn.fails("label", "import", path, "--format", "csv", naming=naming)
    assert boxes_of(barn) == {}


def test_csv_may_have_a_mark_of_its_order_and_windows_lines(barn, ids, tmp_path):
    content = b"\xef\xbb\xbfid,label\r\n" + f"{ids[0]},unusable\r\n".encode()
    assert take(barn, tmp_path / "labels.csv", content, "csv")["applied"] == 1


def test_commas_in_yolo_are_named(barn, ids, tmp_path):
    (tmp_path / "data.yaml").write_text("names: [cat, dog, cow]\n")
    (tmp_path / f"{ids[0]}.txt").write_text("0,0.5,0.5,0.1,0.1\n")
    (tmp_path / f"{ids[1]}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    report = barn("label", "import", tmp_path, "--format", "yolo")
    assert report["applied"] == 1 and "commas" in report["rejected"][0]["reason"]


# Classes of other names


def test_a_class_that_is_not_known_is_reported_and_its_frame_rejected(barn, ids, tmp_path):
    text = coco(ids[0], ((1, "cat"), (2, "catt")), [{}, {"category_id": 2}])
    report = take(barn, tmp_path / "labels.json", text, "coco")
    assert report["unknown_classes"] == [{"class": "catt", "count": 1, "decision": "reject", "nearest": "cat"}]
    assert report["applied"] == 0 and len(report["rejected"]) == 1
    told = barn.text("label", "import", tmp_path / "labels.json", "--format", "coco").stdout
    assert "class 'catt' is not known here, much like 'cat': 1 labels, rejected" in told


def test_a_class_may_be_renamed_dropped_or_added(barn, ids, tmp_path):
    text = coco(ids[0], ((1, "Cat"), (2, "tree")), [{}, {"category_id": 2, "bbox": [5, 6, 7, 8]}])
    words = ["--rename-class", "Cat=cat"]
    report = take(barn, tmp_path / "labels.json", text, "coco", *words, "--unknown", "drop")
    assert (report["applied"], report["unknown_classes"][0]["decision"]) == (1, "drop")
    assert boxes_of(barn)[ids[0]] == [("cat", 1, 2, 3, 4)]
    report = take(barn, tmp_path / "labels.json", text, "coco", *words, "--unknown", "add")
    assert report["corrected"] == 1
    assert boxes_of(barn)[ids[0]] == [("cat", 1, 2, 3, 4), ("tree", 5, 6, 7, 8)]


def test_a_renaming_that_meets_nothing_is_a_mistake(barn, ids, tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(coco(ids[0], annotations=[{}]))
    barn.fails("label", "import", path, "--format", "coco", "--rename-class", "Cat=cat", naming=["'Cat'", "did you mean 'cat'"])
    assert boxes_of(barn) == {}


def test_options_of_formats_are_checked(barn, ids, tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(coco(ids[0]))
    barn.fails("label", "import", path, "--format", "coco", "--format-option", "emty=labeled", naming=["did you mean 'empty'"])
    report = barn("label", "import", path, "--format", "coco", "--format-option", "empty=labeled")
    assert report["applied"] == 1


def test_pictures_are_named_by_their_sample_whatever_they_were_called(barn, tmp_path):
    batch = barn.export("labeling", "yolo", tmp_path / "out")
    for sample in samples_of(batch):
        assert sample["file"] == f"images/unlabeled/{sample['id']}.{'jpg' if sample['encoding'] == 'jpeg' else 'png'}"
        assert (batch / f"labels/unlabeled/{sample['id']}.txt").is_file()
