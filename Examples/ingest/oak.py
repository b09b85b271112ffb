"""Frames of a Luxonis OAK camera, which runs its detector itself and says so in `ImgDetections`.

    import depthai as dai

    sink = Sink(Handover(), name="barn", version=1, labels=["cow", "calf"])
    ...                                                   # a pipeline with a detection network and an MJPEG encoder
    while pipeline.isRunning():
        picture = encoded.get().getData().tobytes()       # of the very frame that the network saw
        sink(picture, 1280, 720, detections.get())

The camera gives edges as shares of the frame, and a class as a number.
"""

from handover import Handover  # noqa: F401 - for whoever imports this


class Sink:
    def __init__(self, hand_over, name, version, labels, score_min=0.5):
        self.hand_over = hand_over
        self.labels = labels
        self.head = {
            "model": {"name": name, "version": version},
            "task": "detection",
            "labels": labels,
            "score_min": score_min,
        }

    def __call__(self, picture, width, height, message):
        return self.hand_over(picture, self.head | {"boxes": boxes(message.detections, self.labels, width, height)})


def boxes(detections, labels, width, height):
    """From `xmin`, `ymin`, `xmax` and `ymax` as shares of the frame, `confidence`, and the number `label`."""
    found = []
    for each in detections:
        left, right = (min(max(edge, 0), 1) * width for edge in (each.xmin, each.xmax))
        top, bottom = (min(max(edge, 0), 1) * height for edge in (each.ymin, each.ymax))
        if right > left and bottom > top:
            box = {"x": left, "y": top, "width": right - left, "height": bottom - top}
            found.append({"label": labels[each.label], "score": each.confidence, **box})
    return found
