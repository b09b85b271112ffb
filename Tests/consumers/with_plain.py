"""What a script of one's own does, with Python's library and Pillow."""

import csv
import io
import json
import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from answers import Answer, does_not_read
from PIL import Image

answer = Answer()
rows = {}


def see(path, size=None):
    answer.saw(path, path)
    with Image.open(path) as picture:
        picture.load()
        assert size is None or picture.size == size
    return Path(path).stem


def box(label, x, y, width, height):
    return {"label": label, "box": {"x": x, "y": y, "width": width, "height": height}}


if answer.format == "csv":
    with open(answer.batch / "samples.csv", newline="") as file:
        for row in csv.DictReader(file):
            see(answer.batch / row["file"], (int(row["width"]), int(row["height"])))
            rows[row["id"]] = row["label"]
elif answer.format == "coco":
    for path in answer.batch.glob("coco-*.json"):
        coco = json.loads(path.read_text())
        names = {each["id"]: each["name"] for each in coco["categories"]}
        ids = {}
        for picture in coco["images"]:
            ids[picture["id"]] = see(answer.batch / picture["file_name"], (picture["width"], picture["height"]))
            rows[ids[picture["id"]]] = []
        for each in coco["annotations"]:
            id, name = ids[each["image_id"]], names[each["category_id"]]
            rows[id] = name if "bbox" not in each else rows[id] + [box(name, *each["bbox"])]
elif answer.format == "cvat":
    for picture in (each for path in answer.batch.glob("cvat-*.xml") for each in ElementTree.parse(path).getroot().iter("image")):
        id = see(answer.batch / picture.get("name"))
        sides = [[float(mark.get(key)) for key in ("xtl", "ytl", "xbr", "ybr")] + [mark.get("label")] for mark in picture.iter("box")]
        tag = picture.find("tag")
        rows[id] = tag.get("label") if tag is not None else [box(name, a, b, c - a, d - b) for a, b, c, d, name in sides]
elif answer.format == "voc":
    for path in answer.batch.glob("Annotations/*.xml"):
        root = ElementTree.parse(path).getroot()
        id = see(answer.batch / "JPEGImages" / root.findtext("filename"))
        rows[id] = []
        for each in root.iter("object"):
            a, b, c, d = (float(each.find("bndbox").findtext(key)) for key in ("xmin", "ymin", "xmax", "ymax"))
            rows[id].append(box(each.findtext("name"), a, b, c - a, d - b))
elif answer.format == "webdataset":
    for shard in (answer.batch / "webdataset").glob("*.tar"):
        with tarfile.open(shard) as tar:
            for member in tar:
                content = tar.extractfile(member).read()
                if member.name.endswith(".json"):
                    label = json.loads(content)["label"]
                    rows[Path(member.name).stem] = label.get("class", label.get("boxes"))
                elif not member.name.endswith(".cls"):
                    answer.saw(member.name, content)
                    Image.open(io.BytesIO(content)).load()
elif answer.format == "label-studio":
    # As a labeling tool gives it back: with what people said.
    tasks = json.loads((answer.batch / "label-studio.json").read_text())
    samples = {each["id"]: each for each in map(json.loads, (answer.batch / "samples.jsonl").read_text().splitlines())}
    for task in tasks:
        see(answer.batch / samples[task["data"]["sample_id"]]["file"])
    answer.folder.joinpath("tasks.json").write_text(json.dumps(tasks))
    answer.writes("label-studio", "tasks.json")
elif answer.format in ("imagefolder", "yolo"):
    for path in sorted(answer.batch.rglob("*")):
        if path.suffix in (".jpg", ".png"):
            see(path)
            target = answer.folder / "copy" / path.relative_to(answer.batch)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        elif path.suffix in (".txt", ".yaml") or (path.suffix == ".jsonl" and answer.kind == "detection" and path.name == "metadata.jsonl"):
            target = answer.folder / "copy" / path.relative_to(answer.batch)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    answer.writes("yolo" if (answer.format, answer.kind) == ("yolo", "detection") else "imagefolder", "copy")
else:
    does_not_read()
if rows:
    with open(answer.folder / "labels.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sample_id", "label"])
        writer.writerows((id, label if isinstance(label, str) else json.dumps(label)) for id, label in rows.items())
    answer.writes("csv", "labels.csv")
answer.leave()
