#!/usr/bin/env python3
"""Read the fleet's bucket with the engines that are there: DuckDB in SQL, and PyArrow.

As a script it reads bucket.sql, runs another file of SQL after it, and prints what that gives. With --check it counts
with PyArrow too, and compares both with what the devices say of themselves (station-*/status.json).

  bucket.py receipts.sql
  bucket.py --check

The store is found by the environment: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.
"""

import argparse
import importlib.util
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pyarrow
import pyarrow.dataset
import pyarrow.fs

HERE = Path(__file__).resolve().parent
BUCKET = "fleet"


def tables():
    """A DuckDB connection with the tables of bucket.sql."""
    duck = duckdb.connect()
    # Out of a Python package, so that it works without a network; elsewhere `INSTALL httpfs` fetches it.
    (package,) = importlib.util.find_spec("duckdb_ext").submodule_search_locations
    (extension,) = Path(package).glob(f"extensions/v{duckdb.__version__}/*/httpfs.duckdb_extension")
    endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    duck.execute(f"INSTALL '{extension}'; LOAD httpfs")
    duck.execute(
        f"""
        CREATE SECRET (
            TYPE s3, ENDPOINT '{endpoint.netloc}', URL_STYLE 'path', USE_SSL {endpoint.scheme == "https"},
            KEY_ID '{os.environ["AWS_ACCESS_KEY_ID"]}', SECRET '{os.environ["AWS_SECRET_ACCESS_KEY"]}'
        )
        """
    )
    duck.execute((HERE / "bucket.sql").read_text())
    return duck


def file_system():
    """PyArrow's view of the store."""
    endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    return pyarrow.fs.S3FileSystem(
        endpoint_override=endpoint.netloc,
        scheme=endpoint.scheme,
        access_key=os.environ["AWS_ACCESS_KEY_ID"],
        secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    )


def dataset(purpose):
    """PyArrow's dataset of the samples of all batches that are whole."""
    store = file_system()
    found = store.get_file_info(pyarrow.fs.FileSelector(f"{BUCKET}/{purpose}", recursive=True))
    folders = [os.path.dirname(info.path) for info in found if info.base_name == "manifest.json"]
    text, number = pyarrow.string(), pyarrow.float64()
    return pyarrow.dataset.dataset(
        [f"{folder}/samples.jsonl" for folder in folders],
        filesystem=store,
        format="json",
        partitioning=pyarrow.dataset.partitioning(
            pyarrow.schema([("device", text), ("date", pyarrow.date32())]), flavor="hive"
        ),
        # What is asked for: what a line has beside it, and what some lines lack, does not matter.
        schema=pyarrow.schema(
            [("id", text), ("sha256", text), ("reason", text), ("utility", number), ("device", text),
             ("date", pyarrow.date32())]
        ),
    )  # fmt: skip


def check(duck):
    """Prints each engine's counts, and ends with an error unless they are the same."""
    asked = "SELECT device, count(*) FROM samples WHERE purpose = 'labeling' GROUP BY device"
    by_duckdb = dict(duck.sql(asked).fetchall())
    # Without threads: on two cores a JSON dataset's threads wait for each other, forever (PyArrow 26).
    table = dataset("labeling").to_table(use_threads=False)
    counts = table.group_by("device").aggregate([("id", "count_distinct")]).to_pylist()
    by_arrow = {line["device"]: line["id_count_distinct"] for line in counts}
    by_manifests = duck.sql("SELECT sum(sample_count) FROM batches WHERE purpose = 'labeling'").fetchone()[0]
    by_devices, devices = duck.sql(
        "SELECT sum(queue.exported + queue.labeled + queue.unusable), count(*) FROM read_json('station-*/status.json')"
    ).fetchone()
    lost = duck.sql(
        "SELECT count(*) FROM glob('s3://fleet/*/device=*/date=*/batch-*/samples.jsonl') "
        "WHERE parse_dirpath(file) NOT IN (SELECT folder FROM batches)"
    ).fetchone()[0]
    print(f"DuckDB        {sum(by_duckdb.values()):,} samples of {len(by_duckdb)} devices")
    print(f"PyArrow       {sum(by_arrow.values()):,} samples of {len(by_arrow)} devices")
    print(f"manifests     {by_manifests:,} samples")
    print(f"the devices   {by_devices:,} samples have left {devices} of them")
    print(f"left out      {lost} batches without a manifest")
    if by_duckdb != by_arrow or not sum(by_duckdb.values()) == by_manifests == by_devices:
        sys.exit("bucket.py: the counts differ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sql", nargs="?", type=Path, help="a file of SQL whose last answer is printed")
    parser.add_argument("--check", action="store_true", help="whether all counts are the same")
    given = parser.parse_args()
    duck = tables()
    if given.sql:
        print(duck.sql(given.sql.read_text()))
    if given.check:
        check(duck)


if __name__ == "__main__":
    main()
