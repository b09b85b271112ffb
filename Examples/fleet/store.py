#!/usr/bin/env python3
"""Run an S3 store of one's own, SeaweedFS, with one bucket, until it is told to stop.

It goes on with what it kept before, and listens on free ports of this machine alone. Once the bucket is there, what
clients need to know lies in --env, to be sourced by a shell: the endpoint, the keys and the region, under the names
that every S3 client looks for.

  store.py store --bucket fleet --env store.env
"""

import argparse
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
import botocore.exceptions

ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]
SERVERS = ("s3.port", "master.port", "volume.port", "filer.port")
START_SECONDS_MAX = 60


def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_ports():
    """A port for each of its servers, by the option that names it: nobody listens there, nor 10,000 above, where each has
    a second one."""
    ports = set()
    while len(ports) < len(SERVERS):
        port = random.randrange(10_000, 22_000)
        if is_free(port) and is_free(port + 10_000):
            ports.add(port)
    return dict(zip(SERVERS, sorted(ports)))


def identity(name, keys, actions=ACTIONS):
    """Somebody who may do these things with these keys."""
    credentials = {"accessKey": keys["AWS_ACCESS_KEY_ID"], "secretKey": keys["AWS_SECRET_ACCESS_KEY"]}
    return {"name": name, "actions": actions, "credentials": [credentials]}


def start(folder, ports, identities, host="127.0.0.1", weed=Path(sys.executable).parent / "weed"):
    """The process of the store; it keeps everything below the folder."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    with open(folder / "log", "wb") as log:
        return subprocess.Popen(
            [
                weed, "server", f"-dir={folder / 'data'}", f"-ip={host}", f"-ip.bind={host}",
                "-master.volumeSizeLimitMB=64", "-volume.max=200", "-master.telemetry=false", "-s3",
                f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false",
                *(f"-{name}={port}" for name, port in ports.items()),
            ],
            stdout=log,
            stderr=log,
        )  # fmt: skip


def make_bucket(s3, name, process):
    """Makes the bucket as soon as the store takes one, and waits until it takes objects: its volumes come up last."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            with contextlib.suppress(s3.exceptions.BucketAlreadyExists, s3.exceptions.BucketAlreadyOwnedByYou):
                s3.create_bucket(Bucket=name)
            s3.put_object(Bucket=name, Key="probe", Body=b"probe")
            s3.delete_object(Bucket=name, Key="probe")
            return
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the store did not start: {error}") from error
            time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the store keeps everything")
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--env", required=True, type=Path, metavar="FILE", help="where it says how it is reached")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    ports = free_ports()
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3.port']}",
        "AWS_ACCESS_KEY_ID": "FLEET",
        "AWS_SECRET_ACCESS_KEY": "fleet-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    os.environ |= settings
    process = start(given.folder, ports, [identity("fleet", settings)])
    try:
        make_bucket(boto3.client("s3"), given.bucket, process)
        partial = given.env.with_suffix(".partial")
        partial.write_text("".join(f"export {name}={value}\n" for name, value in settings.items()))
        partial.rename(given.env)
        process.wait()
    except RuntimeError as error:
        sys.exit(f"store.py: {error}")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        process.kill()  # its volumes take a second to close, which nobody needs


if __name__ == "__main__":
    main()
