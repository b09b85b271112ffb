"""Hands frames over to `gleaner run` with `source: ingest`. Needs Python 3.9 and requests."""

import itertools
import json
import time
import uuid

import requests


class Refused(Exception):
    """Sending it again would not help; the message says what would."""


class Handover:
    """What other programs need: one call for each frame, which returns when what became of it is on the disk."""

    def __init__(self, url="http://127.0.0.1:8790/v1/frames", token=None, patience_seconds=60):
        self.url = url
        self.patience_seconds = patience_seconds
        self.session = requests.Session()
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"
        # Numbers begin anew with each start of a program, ids must not.
        start = uuid.uuid4().hex[:12]
        self.ids = (f"{start}-{number}" for number in itertools.count(1))

    def __call__(self, picture, prediction):
        """Hands over the bytes of a JPEG or PNG with a prediction; the id is added where it has none.

        Sends again, with the same id, when there is no answer or no place: the frame counts once.
        """
        document = {"id": next(self.ids)} | prediction
        parts = {"frame": ("frame", picture), "prediction": ("prediction.json", json.dumps(document), "application/json")}
        deadline = time.monotonic() + self.patience_seconds
        while True:
            try:
                answer = self.session.post(self.url, files=parts, timeout=30)
            except requests.ConnectionError:
                wait = 1.0
            else:
                if answer.status_code == 200:
                    return answer.json()
                if answer.status_code not in (429, 503):
                    error = answer.json()
                    raise Refused(f"{error['message']}; {error['remedy']}")
                wait = float(answer.headers.get("Retry-After", 1))
            if time.monotonic() + wait > deadline:
                raise TimeoutError(f"{self.url} did not take the frame within {self.patience_seconds} s")
            time.sleep(wait)
