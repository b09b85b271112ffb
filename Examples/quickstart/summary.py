#!/usr/bin/env python3
"""Print what came of the quickstart, from Gleaner's own numbers.

  summary.py count labels-1.csv labels-2.csv
  summary.py table --report report.json --scores scores.json --labels 170
"""

import argparse
import csv
import json


def count(paths):
    """The number of labels in label files."""
    total = 0
    for path in paths:
        with open(path, newline="", encoding="utf-8") as file:
            total += sum(1 for _ in csv.DictReader(file))
    return total


def mean(scores, names, key):
    values = [scores[name][key] for name in names]
    return sum(values) / len(values)


def table(report, scores, labels):
    reasons = {outcome: [] for outcome in ("stored", "rejected", "dropped")}
    for line in report["lines"]:
        if line["outcome"] in reasons:
            reasons[line["outcome"]].append((line["reason"], line["count"]))
    totals = {outcome: sum(number for _, number in lines) for outcome, lines in reasons.items()}
    print(f"   {'frames offered':<46} {sum(totals.values()):>7,}")
    for outcome, lines in reasons.items():
        print(f"   {outcome:<46} {totals[outcome]:>7,}")
        for reason, number in lines:
            print(f"     {reason:<44} {number:>7,}")
    print()
    print(f"   {'right on held-out frames of the packing house':<46} {'all':>7} {'7 and 9':>8}")
    third = [name for name in scores if name.startswith("third")]
    drawn = [name for name in scores if name.startswith("random")]
    lines = [
        ("the model from the lab", ["first"]),
        ("after the first day's labels", ["second"]),
        (f"after the second day's ({labels} labels in all)", third),
        (f"the same with {labels} labels of random frames", drawn),
    ]
    for name, models in lines:
        print(f"   {name:<46} {mean(scores, models, 'all'):>7.1%} {mean(scores, models, 'new'):>8.1%}")
    print(f"   (The last two are means of {len(third)} and {len(drawn)} trainings with different seeds.)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    counting = commands.add_parser("count", help="how many labels there are in label files")
    counting.add_argument("labels", nargs="+")
    printing = commands.add_parser("table", help="everything at a glance")
    printing.add_argument("--report", required=True, help="what `gleaner report --json` printed")
    printing.add_argument("--scores", required=True, help="what `evaluate.py --json` printed")
    printing.add_argument("--labels", required=True, type=int)
    given = parser.parse_args()
    if given.command == "count":
        return print(count(given.labels))
    with open(given.report, encoding="utf-8") as report, open(given.scores, encoding="utf-8") as scores:
        table(json.load(report), json.load(scores), given.labels)


if __name__ == "__main__":
    main()
