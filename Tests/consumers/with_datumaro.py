"""Datumaro, which CVAT's converters stand on."""

import os
import shutil
from pathlib import Path

from answers import Answer, does_not_read
from datumaro.components.dataset import Dataset

answer = Answer()
source = answer.folder / "source"
if (answer.kind, answer.format) == ("detection", "coco"):
    # It wants COCO's own layout.
    (source / "annotations").mkdir(parents=True)
    for path in answer.batch.glob("coco-*.json"):
        shutil.copy(path, source / "annotations" / f"instances_{path.stem.removeprefix('coco-')}.json")
    shutil.copytree(answer.batch / "frames", source / "images" / "frames")
    name, out, back = "coco", "coco_instances", "coco"
elif (answer.kind, answer.format) == ("detection", "voc"):
    name, out, back, source = "voc", "voc_detection", "voc", answer.batch
elif (answer.kind, answer.format) == ("detection", "yolo"):
    name, out, back, source = "yolo", "yolo_ultralytics", "yolo", answer.batch
elif answer.format == "cvat":
    name, out, back, source = "cvat", "cvat", "cvat", answer.batch
elif (answer.kind, answer.format) == ("classification", "yolo"):
    name, out, back, source = "imagenet", "imagenet", "imagefolder", answer.batch
else:
    does_not_read()
# It looks for CVAT's pictures from where it runs.
os.chdir(answer.batch)
sources = [source / part for part in ("train", "val", "test")] if name == "imagenet" else [source]
for source in sources:
    dataset = Dataset.import_from(str(source), name)
    for item in dataset:
        answer.saw(item.media.path, item.media.path)
    target = answer.folder / "back" / source.name
    dataset.export(str(target), out, save_media=True)
    if back == "coco":
        for path in sorted((target / "annotations").glob("*.json")):
            answer.writes("coco", path.relative_to(answer.folder), empty="labeled")
    elif back == "cvat":
        for path in sorted(target.rglob("*.xml")):
            empty = {"empty": "labeled"} if answer.kind == "detection" else {}
            answer.writes("cvat", path.relative_to(answer.folder), **empty)
    else:
        # Its Pascal VOC has no file for a frame that shows nothing.
        answer.loses_empty = back == "voc"
        answer.writes(back, target.relative_to(answer.folder))
answer.leave()
