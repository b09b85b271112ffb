"""A real S3 store for tests: SeaweedFS, on ports of its own."""

import os
import sys
from pathlib import Path

import boto3
from driver import ROOT

sys.path.append(str(ROOT / "Examples/fleet"))
import store  # noqa: E402

KEYS = {"AWS_ACCESS_KEY_ID": "FIELD", "AWS_SECRET_ACCESS_KEY": "field-secret"}
# Of somebody who may look, and write nothing.
READER_KEYS = {"AWS_ACCESS_KEY_ID": "LOOKER", "AWS_SECRET_ACCESS_KEY": "looker-secret"}


class Seaweed:
    """The store; `s3` is boto3's client of it."""

    def __init__(self, folder, host="127.0.0.1"):
        self.folder, self.host, self.ports = Path(folder), host, store.free_ports()
        self.endpoint = f"http://{host}:{self.ports['s3.port']}"
        self.process = None
        self.s3 = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        self.start()

    def start(self):
        """Starts it and waits until it takes objects; what it has is what it had before."""
        weed = os.environ.get("GLEANER_WEED") or Path(sys.executable).parent / "weed"
        identities = [store.identity("field", KEYS), store.identity("looker", READER_KEYS, ["Read", "List"])]
        self.process = store.start(self.folder, self.ports, identities, self.host, weed)
        store.make_bucket(self.s3, "field", self.process)

    def stop(self):
        """Kills it: its volumes take a second to close, which nobody needs."""
        self.process.kill()
        self.process.wait()

    def keys(self, prefix=""):
        """All keys below a prefix, with their sizes."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="field", Prefix=prefix)
        return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}

    def get(self, key):
        return self.s3.get_object(Bucket="field", Key=key)["Body"].read()

    def put(self, key, data):
        self.s3.put_object(Bucket="field", Key=key, Body=data)
