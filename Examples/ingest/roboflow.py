"""Frames of a pipeline that speaks supervision's `Detections`, as Roboflow's inference does.

    from inference import InferencePipeline
    import cv2, supervision as sv

    sink = Sink(Handover(), name="wasps", version=3, labels=["wasp", "hornet"])

    def on_prediction(result, video_frame):
        picture = cv2.imencode(".jpg", video_frame.image)[1].tobytes()
        sink(picture, sv.Detections.from_inference(result))

    InferencePipeline.init(model_id="wasps/3", video_reference=0, on_prediction=on_prediction, confidence=0.05).start()

The low `confidence` matters: what the detector almost saw is where labels teach most. `score_min` says from where on it
claims an object.
"""

from handover import Handover  # noqa: F401 - for whoever imports this


class Sink:
    def __init__(self, hand_over, name, version, labels, score_min=0.4):
        self.hand_over = hand_over
        self.head = {
            "model": {"name": name, "version": version},
            "task": "detection",
            "labels": labels,
            "score_min": score_min,
        }

    def __call__(self, picture, detections):
        return self.hand_over(picture, self.head | {"boxes": boxes(detections)})


def boxes(detections):
    """From `xyxy` in pixels, `confidence`, and `data["class_name"]`, each with one entry an object."""
    found = []
    for (left, top, right, bottom), score, label in zip(detections.xyxy, detections.confidence, detections.data["class_name"]):
        if right > left and bottom > top:
            box = {"x": float(left), "y": float(top), "width": float(right - left), "height": float(bottom - top)}
            found.append({"label": str(label), "score": float(score), **box})
    return found
