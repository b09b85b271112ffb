"""Ultralytics' own checks of a dataset, and its readers."""

import os
import shutil
import sys
from pathlib import Path

os.environ.update(YOLO_OFFLINE="True", YOLO_AUTOINSTALL="false", YOLO_CONFIG_DIR=sys.argv[4] + "/settings")

from answers import Answer, does_not_read  # noqa: E402

answer = Answer()
if answer.format != "yolo":
    does_not_read()
import matplotlib  # noqa: E402

# It would fetch a font for its plots.
fonts = answer.folder / "settings" / "Ultralytics"
fonts.mkdir(parents=True)
for name in ("Arial.ttf", "Arial.Unicode.ttf"):
    shutil.copy(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", fonts / name)
from ultralytics.data.utils import check_cls_dataset, check_det_dataset  # noqa: E402

# It writes caches beside the labels, which are none of the batch.
copy = answer.folder / "dataset"
shutil.copytree(answer.batch, copy)
if answer.kind == "detection":
    from ultralytics.data.dataset import YOLODataset

    data = check_det_dataset(str(copy / "data.yaml"), autodownload=False)
    back = answer.folder / "back" / "labels"
    back.mkdir(parents=True)
    for part in ("train", "val", "test"):
        for each in YOLODataset(img_path=data[part], data=data, task="detect", augment=False).labels:
            answer.saw(each["im_file"], each["im_file"])
            assert each["normalized"] and each["bbox_format"] == "xywh"
            lines = [f"{int(c[0])} {' '.join(map(str, box))}\n" for c, box in zip(each["cls"], each["bboxes"].tolist())]
            (back / f"{Path(each['im_file']).stem}.txt").write_text("".join(lines))
    (back.parent / "classes.txt").write_text("".join(f"{data['names'][i]}\n" for i in range(data["nc"])))
    answer.writes("yolo", "back")
else:
    data = check_cls_dataset(str(copy))
    from torchvision.datasets import ImageFolder

    for part in ("train", "val", "test"):
        dataset = ImageFolder(str(data[part]))
        for path, index in dataset.samples:
            answer.saw(path, path)
            target = answer.folder / "back" / dataset.classes[index] / Path(path).name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    answer.writes("imagefolder", "back")
answer.leave()
