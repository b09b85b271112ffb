#!/usr/bin/env python3
"""Read the fleet's labeled batches with WebDataset, straight out of the bucket, for Examples/retrain.

Each sample of a shard is a picture, its line of `samples.jsonl` as JSON, and the index of its class. A trainer of
one's own would go on from here with `.shuffle()` and a loader; this one wants folders, so each batch becomes one,
with its manifest, whose digest says later what the model was trained on.

  shards.py --to training
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import bucket
import webdataset
from webdataset.gopen import gopen_schemes

# The shards of batches that are whole.
SHARDS = """
    SELECT folder || '/' || file.path AS shard
    FROM (SELECT folder, unnest(files) AS file FROM batches WHERE purpose = 'training')
    WHERE file.path LIKE '%.tar' ORDER BY shard
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    given = parser.parse_args()
    store, duck = bucket.file_system(), bucket.tables()
    shards = [shard for (shard,) in duck.sql(SHARDS).fetchall()]
    gopen_schemes["s3"] = lambda url, mode, size: store.open_input_stream(url.removeprefix("s3://"))
    classes = Counter()
    for sample in webdataset.WebDataset(shards, shardshuffle=False, empty_check=False):
        remote = sample["__url__"].rpartition("/webdataset/")[0]
        batch = given.to / remote.rpartition("/")[2]
        if not batch.exists():
            (batch / "frames").mkdir(parents=True)
            manifest = store.open_input_file(f"{remote.removeprefix('s3://')}/manifest.json").read()
            (batch / "manifest.json").write_bytes(manifest)
        line = json.loads(sample["json"])
        picture = next(key for key in ("png", "jpg") if key in sample)
        line["file"] = f"frames/{line['id']}.{picture}"
        (batch / line["file"]).write_bytes(sample[picture])
        with open(batch / "samples.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        classes[line["label"].get("class", line["label"]["kind"])] += 1
    counts = ", ".join(f"{name} {number}" for name, number in sorted(classes.items()))
    print(f"{len(shards)} shards with {classes.total()} pictures: {counts}")


if __name__ == "__main__":
    main()
