"""Roboflow's supervision, which converts datasets."""

import supervision as sv
from answers import Answer, does_not_read

answer = Answer()


def detection(dataset, part):
    for path, _, _ in dataset:
        answer.saw(path, path)
    folder = answer.folder / part
    if answer.format == "coco":
        dataset.as_yolo(str(folder / "images"), str(folder / "labels"), str(folder / "data.yaml"))
        answer.writes("yolo", part)
        dataset.as_pascal_voc(str(folder / "JPEGImages"), str(folder / "voc"))
        # It follows the original, whose first pixel is 1, and whose coordinates are whole.
        answer.writes("voc", f"{part}/voc", first_pixel=1)
    else:
        dataset.as_coco(str(folder / "images"), str(folder / "coco.json"))
        answer.writes("coco", f"{part}/coco.json", empty="labeled")


if answer.kind == "detection" and answer.format == "coco":
    for path in sorted(answer.batch.glob("coco-*.json")):
        detection(sv.DetectionDataset.from_coco(str(answer.batch), str(path)), path.stem)
elif answer.kind == "detection" and answer.format == "yolo":
    for part in sorted(each.name for each in (answer.batch / "images").iterdir()):
        images, labels = answer.batch / "images" / part, answer.batch / "labels" / part
        detection(sv.DetectionDataset.from_yolo(str(images), str(labels), str(answer.batch / "data.yaml")), part)
elif answer.kind == "detection" and answer.format == "voc":
    detection(sv.DetectionDataset.from_pascal_voc(str(answer.batch / "JPEGImages"), str(answer.batch / "Annotations")), "voc")
elif answer.kind == "classification" and answer.format == "yolo":
    for part in ("train", "val", "test"):
        dataset = sv.ClassificationDataset.from_folder_structure(str(answer.batch / part))
        for path, _, _ in dataset:
            answer.saw(path, path)
        dataset.as_folder_structure(str(answer.folder / part))
        answer.writes("imagefolder", part)
else:
    does_not_read()
answer.leave()
