#!/usr/bin/env python3
"""Put labels and models where the fleet's devices look for them: into their inboxes in the bucket.

  publish.py labels labels.csv      to each device the labels of its own samples
  publish.py model second.tar       to every device the same bundle: sent once, and copied by the store
"""

import argparse
import csv
import io
from pathlib import Path

import boto3
import bucket

INBOX = "labeling/inbox"  # below the prefix of the destination that takes it


def devices():
    """All that ever sent a batch."""
    duck = bucket.tables()
    return [name for (name,) in duck.sql("SELECT DISTINCT device FROM batches ORDER BY ALL").fetchall()]


def publish_labels(s3, path):
    """A sample's id begins with its device's."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for device in (owners := sorted({row["id"].partition("-")[0] for row in rows})):
        text = io.StringIO()
        table = csv.DictWriter(text, rows[0])
        table.writeheader()
        table.writerows(row for row in rows if row["id"].startswith(f"{device}-"))
        s3.put_object(Bucket=bucket.BUCKET, Key=f"{INBOX}/device={device}/labels/csv/{path.name}", Body=text.getvalue())
    print(f"{len(rows)} labels are in the inboxes of {len(owners)} devices")


def publish_model(s3, path):
    """Devices take in a bundle only once they have checked its signature: who may write here need not be trusted."""
    source = f"models/{path.name}"
    s3.put_object(Bucket=bucket.BUCKET, Key=source, Body=path.read_bytes())
    for device in (fleet := devices()):
        s3.copy_object(
            Bucket=bucket.BUCKET,
            CopySource={"Bucket": bucket.BUCKET, "Key": source},
            Key=f"{INBOX}/device={device}/models/{path.name}",
        )
    print(f"{path.name} is in the inboxes of {len(fleet)} devices")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["labels", "model"])
    parser.add_argument("path", type=Path, metavar="FILE", help="a table with the column id, or a bundle")
    given = parser.parse_args()
    publish = publish_labels if given.kind == "labels" else publish_model
    publish(boto3.client("s3"), given.path)


if __name__ == "__main__":
    main()
