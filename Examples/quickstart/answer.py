#!/usr/bin/env python3
"""Play the person who labels: late, right, and never quite done.

Looks at the samples of an exported batch, finds out what they show by the name their frame had at the camera, and
writes a table of labels for `gleaner label import --format csv`. Some samples never get an answer. Cards without a
digit are marked unusable.

  answer.py exports/batch-0123456789ab --truth truth.csv --to labels.csv
"""

import argparse
import csv
import json
import os
import random

BLANK = "blank"


def read_truth(path):
    """What each frame shows, by the frame's name."""
    with open(path, newline="", encoding="utf-8") as file:
        return {row["frame"]: row["class"] for row in csv.DictReader(file)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("batch", help="a folder made by `gleaner export --for labeling`")
    parser.add_argument("--truth", required=True, help="the camera's table of what each frame shows")
    parser.add_argument("--to", required=True, metavar="FILE")
    parser.add_argument("--share", type=float, default=0.85, help="how much of it gets answered (default: 0.85)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    truth = read_truth(given.truth)
    with open(os.path.join(given.batch, "samples.jsonl"), encoding="utf-8") as file:
        samples = [json.loads(line) for line in file]
    chosen = random.Random(given.seed).sample(samples, round(given.share * len(samples)))
    with open(given.to, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "label", "author"])
        for sample in chosen:
            shown = truth[os.path.basename(sample["origin"])]
            table.writerow([sample["id"], "unusable" if shown == BLANK else shown, "annotator"])
    print(f"{given.to}: {len(chosen)} of {len(samples)} samples labeled")


if __name__ == "__main__":
    main()
