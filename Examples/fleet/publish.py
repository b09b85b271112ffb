#!/usr/bin/env python3
"""Put labels and models where the fleet's devices look for them: into their inboxes in the bucket.

  publish.py labels labels.csv      to each device the labels of its own samples
  publish.py model second.tar       to every device the same bundle: sent once, and copied by the store
  publish.py clear                  takes away what devices have a receipt for: each visit lists the whole inbox
"""

import argparse
import csv
import io
from pathlib import Path

import boto3
import bucket

INBOX = "labeling/inbox"  # below the prefix of the destination that takes it
TAKEN = """
    SELECT item FROM read_json(
        's3://fleet/labeling/receipts/device=*/*.json', columns = {item: 'VARCHAR', failure: 'STRUCT(message VARCHAR)'}
    ) WHERE failure IS NULL AND item LIKE 'device=%'
"""


def devices():
    """All that ever sent a batch."""
    duck = bucket.tables()
    return [name for (name,) in duck.sql("SELECT DISTINCT device FROM batches ORDER BY ALL").fetchall()]


def publish_labels(s3, path):
    """A sample's id begins with its device's."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    owners = sorted({row["id"].partition("-")[0] for row in rows})
    for device in owners:
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
    fleet = devices()
    for device in fleet:
        s3.copy_object(
            Bucket=bucket.BUCKET,
            CopySource={"Bucket": bucket.BUCKET, "Key": source},
            Key=f"{INBOX}/device={device}/models/{path.name}",
        )
    print(f"{path.name} is in the inboxes of {len(fleet)} devices")


def clear(s3):
    """What a device could not take stays, for people to look at."""
    duck = bucket.tables()
    keys = [f"{INBOX}/{item}" for (item,) in duck.sql(TAKEN).fetchall()]
    for key in keys:
        s3.delete_object(Bucket=bucket.BUCKET, Key=key)
    print(f"{len(keys)} labels and models are taken in, and away")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    labels = commands.add_parser("labels", help="labels, to the devices whose samples they are of")
    labels.add_argument("path", type=Path, metavar="TABLE", help="with the column id")
    model = commands.add_parser("model", help="a model, to all devices")
    model.add_argument("path", type=Path, metavar="BUNDLE", help="a tar")
    commands.add_parser("clear", help="what was taken in, away")
    given = parser.parse_args()
    s3 = boto3.client("s3")
    if given.command == "labels":
        publish_labels(s3, given.path)
    elif given.command == "model":
        publish_model(s3, given.path)
    else:
        clear(s3)


if __name__ == "__main__":
    main()
