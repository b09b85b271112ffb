"""A real S3 store for tests: SeaweedFS, on ports of its own."""

import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
import botocore.exceptions

KEYS = {"AWS_ACCESS_KEY_ID": "FIELD", "AWS_SECRET_ACCESS_KEY": "field-secret"}
# Of somebody who may look, and write nothing.
READER_KEYS = {"AWS_ACCESS_KEY_ID": "LOOKER", "AWS_SECRET_ACCESS_KEY": "looker-secret"}
ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]


def _free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _free_ports(count):
    """Ports that nobody listens on, nor 10,000 above, where each of its servers has a second one."""
    ports = set()
    while len(ports) < count:
        port = random.randrange(10_000, 22_000)
        if _free(port) and _free(port + 10_000):
            ports.add(port)
    return sorted(ports)


def _identity(name, keys, actions):
    credentials = {"accessKey": keys["AWS_ACCESS_KEY_ID"], "secretKey": keys["AWS_SECRET_ACCESS_KEY"]}
    return {"name": name, "actions": actions, "credentials": [credentials]}


class Seaweed:
    """The store; `s3` is boto3's client of it."""

    def __init__(self, folder, host="127.0.0.1"):
        self.folder, self.host = Path(folder), host
        (self.folder / "data").mkdir(parents=True)
        identities = [_identity("field", KEYS, ACTIONS), _identity("looker", READER_KEYS, ["Read", "List"])]
        (self.folder / "s3.json").write_text(json.dumps({"identities": identities}))
        self.ports = dict(zip(("s3.port", "master.port", "volume.port", "filer.port"), _free_ports(4)))
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
        """Starts it and waits until it takes buckets; what it has is what it had before."""
        weed = os.environ.get("GLEANER_WEED") or Path(sys.executable).parent / "weed"
        self.process = subprocess.Popen(
            [
                weed, "server", f"-dir={self.folder / 'data'}", f"-ip={self.host}", f"-ip.bind={self.host}",
                "-master.volumeSizeLimitMB=64", "-volume.max=200", "-master.telemetry=false", "-s3",
                f"-s3.config={self.folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false",
                *(f"-{name}={port}" for name, port in self.ports.items()),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                self.s3.create_bucket(Bucket="field")
                return
            except self.s3.exceptions.BucketAlreadyExists:
                return
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                assert self.process.poll() is None and time.monotonic() < deadline, "SeaweedFS did not start"
                time.sleep(0.1)

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
