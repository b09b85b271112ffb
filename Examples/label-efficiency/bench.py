#!/usr/bin/env python3
"""Plays streams with Gleaner and with what it is measured against: one result for each cell, kept, so that a run that
was cut short goes on.

A cell is a setting, a way to choose, a share of frames that are labeled, a seed, and how late labels come. All ways
see the same frames, start from the same model and are retrained alike, after each round, with all the labels that
came back by then; a tenth of them never comes.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy: its threads only get into each other's way here
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import multiprocessing
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import baselines
import device
import learners
import streams

ROOT = Path(__file__).resolve().parents[2]
METER = ROOT.parent / "shared" / "data" / "meter-digits"

COMPOSED = ("digits-A", "fashion-A", "digits-C", "fashion-C")
SHARES = (0.01, 0.02, 0.04)
CURVE_SHARES = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
METER_SHARES = (0.25,)  # 400 labels a round
METER_CURVE_SHARES = (0.06, 0.125, 0.25, 0.5, 1.0)
LOST = 0.1
# Gleaner's settings were tuned on streams of other seeds.
SEED_FIRST = 100
# Gleaner as it comes, and with settings changed, to see what each part is worth.
OURS = {
    "gleaner": {},
    "gleaner, a fifth held back": {},
    "gleaner, uncertainty only": {"uncertainty_weight": 1},
    "gleaner, no embeddings": {"embedding_distance_max": 0, "uncertainty_weight": 1},
    "gleaner, chosen at once": {"keep_factor": 1},
}


def cells(given):
    """Every cell, those that tell most first."""
    quick = given.quick
    main_seeds = range(SEED_FIRST, SEED_FIRST + (2 if quick else given.seeds))
    few_seeds = main_seeds[: 1 if quick else 3]
    settings = [each for each in given.settings if each != "meter" or METER.is_dir()]
    found = []

    def add(setting, way, seeds, shares, delay=1, lost=LOST):
        for seed in seeds:
            found.extend({"setting": setting, "way": way, "share": share, "seed": seed, "delay": delay, "lost": lost}
                         for share in shares)

    for setting in settings:
        shares = METER_SHARES if setting == "meter" else (0.02,) if quick else SHARES
        curve = METER_CURVE_SHARES if setting == "meter" else CURVE_SHARES
        if quick:
            curve = curve[:-1]
        delay = 0 if setting == "meter" else 1
        add(setting, "gleaner", main_seeds, shares, delay)
        add(setting, "random", main_seeds, curve, delay)
        add(setting, "random+dedup", main_seeds, curve, delay)
        add(setting, "periodic", main_seeds, shares, delay)
    for setting in settings:
        shares = METER_SHARES if setting == "meter" else (0.02,)
        delay = 0 if setting == "meter" else 1
        for way in [*OURS][1:2] if quick else [*OURS][1:]:
            add(setting, way, few_seeds, shares, delay)
        for way in [*baselines.WAYS][3:]:
            if not (quick and way.startswith("skactiveml")):
                add(setting, way, few_seeds, shares, delay)
    for setting in settings:
        if setting != "meter":
            # Labels late and few, against the same number of labels that come at once.
            add(setting, "gleaner", few_seeds, (0.02,), delay=3, lost=0.3)
            add(setting, "gleaner", few_seeds, (0.02,), delay=0, lost=0.3)
    return found


def make_stream(cell):
    if cell["setting"] == "meter":
        return streams.meter(METER, cell["seed"])
    return streams.composed(cell["setting"], cell["seed"])


def make_learner(cell, stream):
    # The frozen backbone: components of unlabeled frames, as a model trained elsewhere would have.
    if cell["setting"] == "meter":
        return learners.Head(stream.seed_frames, learners.Edges(), feature_count=128, hidden_count=192, steps=800)
    unlabeled = np.concatenate([part.frames[::17] for part in stream.rounds])
    return learners.Head(unlabeled, learners.Pixels())


def play(cell, folder):
    """Plays one cell to its end."""
    begin = time.time()
    stream = make_stream(cell)
    learner = make_learner(cell, stream)
    ours = cell["way"] in OURS
    random = np.random.default_rng([3000, cell["seed"]])
    if ours:
        pictures = Path(tempfile.gettempdir()) / "gleaner-label-efficiency" / f"{cell['setting']}-{cell['seed']}"
        cameras = device.write_frames(stream, pictures)
    way = (
        device.Device(
            folder, cell["share"], cell["seed"] + 1, stream.class_count, OURS[cell["way"]],
            trains_on_audit="held back" not in cell["way"])
        if ours else baselines.WAYS[cell["way"]](cell["share"], np.random.default_rng([4000, cell["seed"]]))
    )
    all_frames = np.concatenate([part.frames for part in stream.rounds])
    all_classes = np.concatenate([part.classes for part in stream.rounds])
    all_things = np.concatenate([part.things for part in stream.rounds])
    learner.fit(stream.seed_frames, stream.seed_classes, stream.class_count, cell["seed"])
    late = {}
    known, accuracy, spent, offered = [], [], [], 0
    for number, part in enumerate(stream.rounds):
        accuracy.append(measure(learner, stream))
        if ours:
            way.install(learner)
            chosen = way.choose(cameras[number])
        else:
            chosen = offered + way.choose(baselines.Seen(learner, part.frames))
        offered += len(part.frames)
        spent.append(len(chosen))
        come = chosen[random.random(len(chosen)) > cell["lost"]]
        late.setdefault(number + cell["delay"], []).append(come)
        if number in late:
            known = take(late.pop(number), known, way, ours, all_classes)
            train(cell, learner, stream, known, way, all_frames, all_classes, cell["seed"] + number + 1)
    for number in sorted(late):
        known = take(late[number], known, way, ours, all_classes)
    train(cell, learner, stream, known, way, all_frames, all_classes, cell["seed"] + 99)
    accuracy.append(measure(learner, stream))
    result = {
        **cell, "labels": int(sum(spent)), "received": len(known), "offered": offered, "accuracy": accuracy,
        "budget_error": float(sum(spent) / (cell["share"] * offered) - 1),
        "repeated": 1 - len(set(all_things[known].tolist())) / max(1, len(known)), "seconds": round(time.time() - begin, 1),
    }
    if ours:
        newest = way.report()["models"][0]
        result["weight"] = newest["uncertainty_weight"]
        shutil.rmtree(folder)
    return result


def take(batches, known, way, ours, classes):
    for come in batches:
        if ours and len(come):
            way.label(come, classes[come])
        known = known + come.tolist()
    return known


def train(cell, learner, stream, known, way, frames, classes, seed):
    """With all labels: the others hold none back to measure with, so what is compared is what labels teach. Beside it
    stands Gleaner as it comes, which trains on no audit sample: a fifth of its labels then measure the model."""
    held_back = way.audit if "held back" in cell["way"] else set()
    used = [each for each in known if each not in held_back]
    learner.fit(
        np.concatenate([stream.seed_frames, frames[used]]), np.concatenate([stream.seed_classes, classes[used]]),
        stream.class_count, seed)


def measure(learner, stream):
    return {name: learners.balanced_accuracy(learner.probabilities(frames), classes)
            for name, (frames, classes) in stream.tests.items()}


def key(cell):
    return json.dumps([cell[each] for each in ("setting", "way", "share", "seed", "delay", "lost")])


def work(task):
    cell, results = task
    warnings.simplefilter("ignore")
    folder = Path(tempfile.mkdtemp(prefix="gleaner-bench-")) / "run"
    try:
        result = play(cell, folder)
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)
    # One short line, appended at once: what is there is whole.
    with open(results, "a") as file:
        file.write(json.dumps(result) + "\n")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="a file of results, one JSON line a cell; it is added to")
    parser.add_argument("--quick", action="store_true", help="few of the cells, to see that it works")
    parser.add_argument("--seeds", type=int, default=10, help="of Gleaner, random, random + dedup, periodic (default: 10)")
    parser.add_argument("--settings", nargs="+", default=[*COMPOSED, "meter"], choices=[*COMPOSED, "meter"])
    parser.add_argument("--ways", nargs="+", help="only these")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no cell after so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args()
    done = set()
    if given.results.exists():
        done = {key(json.loads(line)) for line in given.results.read_text().splitlines()}
    todo = [each for each in cells(given) if key(each) not in done and (not given.ways or each["way"] in given.ways)]
    # Seed by seed, so that a run that is cut short has complete pairs.
    todo.sort(key=lambda each: (each["seed"], each["setting"]))
    begin = time.time()
    with multiprocessing.Pool(given.jobs, maxtasksperchild=20) as pool:
        tasks = ((each, given.results) for each in todo)
        for count, result in enumerate(pool.imap_unordered(work, tasks), 1):
            final = ", ".join(f"{name} {value:.3f}" for name, value in result["accuracy"][-1].items())
            print(f"{count}/{len(todo)} {result['setting']} {result['way']} {result['share']} seed {result['seed']} "
                  f"delay {result['delay']}: {result['labels']} labels, {final} ({result['seconds']} s)", file=sys.stderr)
            if time.time() - begin > 60 * given.minutes:
                pool.terminate()
                break


if __name__ == "__main__":
    main()
