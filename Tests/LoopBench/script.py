"""What one writes without Gleaner: ONNX Runtime, OpenCV and SQLite in a loop. Prints the seconds of the loop.

    python script.py MODEL.onnx FOLDER QUEUE.sqlite THREADS

Every picture of the folder is kept with its prediction, each durable before the next one.
"""

import hashlib
import json
import sqlite3
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

model, folder, queue, threads = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(threads)
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
(spec,) = session.get_inputs()
height, width = spec.shape[2:]

database = sqlite3.connect(queue, isolation_level=None)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = FULL")
database.execute(
    "CREATE TABLE frame (id INTEGER PRIMARY KEY, at REAL, name TEXT, sha256 TEXT UNIQUE, width INT, height INT,"
    " jpeg BLOB, model TEXT, confidence REAL, prediction TEXT)"
)

begin = time.perf_counter()
for path in sorted(Path(folder).glob("*.jpg")):
    encoded = path.read_bytes()
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    small = cv2.cvtColor(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
    tensor = small.transpose(2, 0, 1)[None].astype(np.float32) / 255
    scores = session.run(None, {spec.name: tensor})[0].reshape(-1)
    top = [[int(each), round(float(scores[each]), 5)] for each in scores.argsort()[::-1][:5]]
    database.execute(
        "INSERT INTO frame (at, name, sha256, width, height, jpeg, model, confidence, prediction)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            time.time(),
            path.name,
            hashlib.sha256(encoded).hexdigest(),
            picture.shape[1],
            picture.shape[0],
            encoded,
            model,
            float(scores.max()),
            json.dumps(top),
        ),
    )
print(time.perf_counter() - begin)
