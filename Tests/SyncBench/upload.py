"""Uploads a folder as one would with boto3; prints the seconds after the start. ENDPOINT FOLDER PREFIX THREADS."""

import concurrent.futures
import sys
import time
from pathlib import Path

import boto3
from botocore.config import Config

endpoint, folder, prefix, threads = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", config=Config(max_pool_connections=10))
files = [path for path in folder.rglob("*") if path.is_file()]
begin = time.monotonic()


def upload(path):
    s3.upload_file(str(path), "field", f"{prefix}/{path.relative_to(folder)}")


if threads > 1:
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(upload, files))
else:
    for path in files:
        upload(path)
print(time.monotonic() - begin)
