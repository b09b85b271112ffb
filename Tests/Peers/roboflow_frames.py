"""Registers frames with Roboflow's active learning, each as soon as it lies in a folder. FOLDER COUNT API loop|thread.

Runs in the environment of `inference`. Says on its output when it is ready, how long registering kept the loop waiting,
and when nothing is left to do.
"""

import os
import sys
import time
from pathlib import Path
from queue import Queue

folder, count, api, kind = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
os.environ.update(
    API_BASE_URL=api, LOCAL_INFERENCE_API_URL=api, METRICS_COLLECTOR_BASE_URL=api, METRICS_ENABLED="False",
    TELEMETRY_OPT_OUT="True", OTEL_METRICS_ENABLED="False", DISABLE_VERSION_CHECK="true", ROBOFLOW_API_KEY="key",
    LOG_LEVEL="WARNING",
)  # fmt: skip

from importlib.metadata import version  # noqa: E402

import cv2  # noqa: E402
from inference.core.active_learning import middlewares  # noqa: E402
from inference.core.active_learning.configuration import initialise_active_learning_configuration  # noqa: E402
from inference.core.active_learning.entities import RoboflowProjectMetadata  # noqa: E402
from inference.core.cache.memory import MemoryCache  # noqa: E402

# Every frame of ours is as uncertain as it can be, and no limit is ever reached.
RULES = {
    "enabled": True,
    "persist_predictions": True,
    "sampling_strategies": [
        {
            "name": "close", "type": "close_to_threshold", "selected_class_names": None, "threshold": 0.5,
            "epsilon": 0.25, "probability": 1.0, "minimum_objects_close_to_threshold": 1,
            "limits": [{"type": "daily", "value": 1_000_000}],
        }
    ],
    "batching_strategy": {"batches_name_prefix": "edge", "recreation_interval": "daily"},
}  # fmt: skip
PREDICTION = {
    "inference_id": "frame", "time": 0.01, "image": {"width": 320, "height": 240},
    "predictions": [
        {
            "x": 100.0, "y": 100.0, "width": 50.0, "height": 40.0, "confidence": 0.5, "class": "cat", "class_id": 0,
            "detection_id": "object",
        }
    ],
}  # fmt: skip

metadata = RoboflowProjectMetadata(
    dataset_id="dataset", workspace_id="workspace", dataset_type="object-detection", active_learning_configuration=RULES
)
configuration = initialise_active_learning_configuration(project_metadata=metadata, model_id="dataset/1")
if kind == "thread":
    tasks = Queue(middlewares.MAX_REGISTRATION_QUEUE_SIZE)
    middleware = middlewares.ThreadingActiveLearningMiddleware("key", configuration, MemoryCache(), tasks)
    middleware.start_registration_thread()
else:
    middleware = middlewares.ActiveLearningMiddleware("key", configuration, MemoryCache())
print(f"peer: ready {version('inference-cpu')}", flush=True)

held = refused = 0
for number in range(count):
    path = folder / f"{number:04}.jpg"
    while not path.exists():
        time.sleep(0.002)
    image = cv2.imread(str(path))
    begin = time.monotonic()
    try:
        middleware.register(inference_input=image, prediction=PREDICTION, prediction_type="object-detection")
    except Exception:  # as the thread does: the frame is let go, and the loop goes on
        refused += 1
    held += time.monotonic() - begin
print(f"peer: registered {held:.1f} {refused}", flush=True)
if kind == "thread":
    tasks.join()
print("peer: idle", flush=True)
sys.stdin.readline()
os._exit(0)
