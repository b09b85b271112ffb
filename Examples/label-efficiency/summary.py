#!/usr/bin/env python3
"""Says what the results mean: for each way, how many times fewer labels than random it needed, with intervals.

The label ratio of a run is the number of labels that random needs for the same accuracy, by random's own curve over
the same seeds, divided by the labels that the run spent. Intervals are of 2,000 bootstraps over seeds, random's
curve included each time. Where random never gets there the ratio is what it had at most: a lower bound.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

BOOTSTRAPS = 2000
METER_SHARE = 0.25


def score(accuracy):
    """A run's accuracy at its end: the mean over the sets that were measured on."""
    return float(np.mean(list(accuracy[-1].values())))


class Results:
    def __init__(self, lines):
        self.runs = {}
        for line in lines:
            cell = json.loads(line)
            place = (cell["setting"], cell["way"], cell["delay"], cell["lost"])
            self.runs.setdefault(place, {}).setdefault(cell["seed"], {})[cell["share"]] = cell

    def settings(self):
        return sorted({place[0] for place in self.runs})

    def ways(self):
        return sorted({place[1] for place in self.runs})

    def of(self, setting, way):
        """Runs by seed and share, as labels usually come."""
        delay = 0 if setting == "meter" else 1
        return self.runs.get((setting, way, delay, 0.1), {})


def curve(runs, seeds):
    """Labels (logarithm) and accuracy of a way, by share, over seeds; accuracy never falls."""
    shares = sorted({share for seed in seeds for share in runs[seed]})
    points = []
    for share in shares:
        cells = [runs[seed][share] for seed in seeds if share in runs[seed]]
        points.append((np.log(np.mean([cell["labels"] for cell in cells])), np.mean([score(cell["accuracy"]) for cell in cells])))
    points.sort()
    labels, accuracy = np.array(points).T
    return labels, isotonic(accuracy)


def isotonic(values):
    """The closest series that never falls (pool adjacent violators)."""
    groups = []
    for value in values:
        groups.append([value, 1])
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            value, count = groups.pop()
            groups[-1] = [(groups[-1][0] * groups[-1][1] + value * count) / (groups[-1][1] + count), groups[-1][1] + count]
    return np.repeat([value for value, _ in groups], [count for _, count in groups])


def needed(accuracy, labels, heights):
    """Labels that a curve needs for an accuracy; its last if it never gets there, its first if it always is."""
    if accuracy >= heights[-1]:
        return np.exp(labels[np.argmax(heights >= heights[-1])]) if accuracy == heights[-1] else np.exp(labels[-1])
    if accuracy <= heights[0]:
        return np.exp(labels[0])
    above = int(np.argmax(heights > accuracy))
    low, high = heights[above - 1], heights[above]
    part = (accuracy - low) / (high - low)
    return np.exp(labels[above - 1] + part * (labels[above] - labels[above - 1]))


def ratio(runs, others, seeds):
    """The geometric mean over shares of how many times more labels the others need."""
    labels, heights = curve(others, seeds)
    logs = []
    for share in {share for seed in seeds for share in runs[seed]}:
        cells = [runs[seed][share] for seed in seeds if share in runs[seed]]
        accuracy = np.mean([score(cell["accuracy"]) for cell in cells])
        spent = np.mean([cell["labels"] for cell in cells])
        if spent > 0:
            logs.append(np.log(needed(accuracy, labels, heights) / spent))
    return float(np.mean(logs)) if logs else float("nan")


def bootstrapped(results, way, other, settings, random):
    """Label ratios: by setting and over all, each with its interval."""
    table, draws = {}, []
    for setting in settings:
        runs, others = results.of(setting, way), results.of(setting, other)
        seeds = sorted(set(runs) & set(others))
        if not seeds:
            continue
        center = ratio(runs, others, seeds)
        resampled = []
        for _ in range(BOOTSTRAPS):
            picked = random.choice(seeds, len(seeds))
            resampled.append(ratio(*renumbered(runs, others, picked)))
        table[setting] = (center, np.percentile(resampled, [2.5, 97.5]), len(seeds))
        draws.append(resampled)
    if not table:
        return {}
    mean = float(np.mean([center for center, _, _ in table.values()]))
    table["all"] = (mean, np.percentile(np.mean(draws, 0), [2.5, 97.5]), min(each[2] for each in table.values()))
    return table


def renumbered(runs, others, picked):
    """A bootstrap's seeds, each as often as it was drawn."""
    numbers = range(len(picked))
    return {at: runs[picked[at]] for at in numbers}, {at: others[picked[at]] for at in numbers}, numbers


def text(entry):
    center, (low, high), count = entry
    return f"{np.exp(center):5.2f} ({np.exp(low):.2f}-{np.exp(high):.2f}, {count})"


def late_labels(results, settings):
    """Accuracy with labels three rounds late and 30 % lost, as a share of that with no delay and as many labels."""
    ratios = {}
    for setting in settings:
        late = results.runs.get((setting, "gleaner", 3, 0.3), {})
        prompt = results.runs.get((setting, "gleaner", 0, 0.3), {})
        values = [score(late[seed][share]["accuracy"]) / score(prompt[seed][share]["accuracy"])
                  for seed in set(late) & set(prompt) for share in set(late[seed]) & set(prompt[seed])]
        if values:
            ratios[setting] = float(np.mean(values))
    return ratios


def rounds(results, setting):
    """Accuracy before the first and after each round, by way, where every way spends alike: the mean over seeds."""
    table = {}
    for way in results.ways():
        shared = results.of(setting, way).values()
        runs = [cell["accuracy"] for shares in shared for share, cell in shares.items() if share == METER_SHARE]
        if runs:
            table[way] = [float(np.mean([score(run[: number + 1]) for run in runs])) for number in range(len(runs[0]))]
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--with", dest="others", nargs="+", type=Path, default=[],
                        help="JSON documents of other measurements, to be part of the last line")
    parser.add_argument("--plot", type=Path, help="a PNG of the curves to write")
    given = parser.parse_args()
    results = Results(given.results.read_text().splitlines())
    settings = results.settings()
    random = np.random.default_rng(1)
    print("How many times fewer labels than random at equal accuracy (95 % interval, seeds)\n")
    width = max(map(len, results.ways())) + 2
    print(" " * width + "".join(f"{each:>26}" for each in [*settings, "all"]))
    summary = {}
    for way in results.ways():
        if way != "random":
            table = bootstrapped(results, way, "random", settings, random)
            summary[way] = table
            print(f"{way:{width}}" + "".join(f"{text(table[each]) if each in table else '-':>26}" for each in [*settings, "all"]))
    against = bootstrapped(results, "gleaner", "random+dedup", settings, random)
    print("\nand fewer than random + dedup")
    print(f"{'gleaner':{width}}" + "".join(f"{text(against[each]) if each in against else '-':>26}" for each in [*settings, "all"]))
    if "meter" in settings:
        print("\nReal meters, 400 labels a round: accuracy in the field before, after one and after two rounds, %")
        for way, heights in rounds(results, "meter").items():
            print(f"{way:{width}}" + "".join(f"{100 * height:8.1f}" for height in heights))
    late = late_labels(results, settings)
    if late:
        print("\nLabels three rounds late and 30 % never, against no delay and as many labels: accuracy x "
              + ", ".join(f"{setting} {value:.3f}" for setting, value in late.items()))
    ours = [cell for (_, way, _, _), seeds in results.runs.items() if way == "gleaner"
            for shares in seeds.values() for cell in shares.values()]
    worst = max(abs(cell["budget_error"]) for cell in ours)
    over = max(cell["budget_error"] for cell in ours)
    print(f"\nBudget: at most {100 * over:+.2f} % of what was granted, at worst {100 * worst:.2f} % off")
    document = {
        "label_ratio_vs_random": round(float(np.exp(summary["gleaner"]["all"][0])), 3),
        "label_ratio_vs_random_interval": [round(float(each), 3) for each in np.exp(summary["gleaner"]["all"][1])],
        "label_ratio_vs_random_dedup": round(float(np.exp(against["all"][0])), 3),
        "label_ratio_vs_random_dedup_interval": [round(float(each), 3) for each in np.exp(against["all"][1])],
        "worst_setting_vs_random": round(float(np.exp(min(entry[0] for name, entry in summary["gleaner"].items() if name != "all"))), 3),
        "settings_wholly_below_1": [name for name, entry in summary["gleaner"].items() if name != "all" and entry[1][1] < 0],
        "delay3_ratio_to_delay0": round(float(np.mean(list(late.values()))), 3) if late else None,
        "delay3_ratio_worst": round(min(late.values()), 3) if late else None,
        "budget_error_max": round(float(over), 4),
        "seeds": int(summary["gleaner"]["all"][2]),
    }
    for other in given.others:
        document |= json.loads(other.read_text())
    if given.plot:
        draw(results, settings, given.plot)
    print()
    print(json.dumps(document))


def draw(results, settings, path):
    """Accuracy over labels spent, a panel for each setting."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    styles = {"gleaner": ("#0b6e4f", "o-", "Gleaner"), "random+dedup": ("#c46210", "s--", "random, near-duplicates left out"),
              "random": ("#777777", "^:", "random"), "periodic": ("#b0b0b0", "v:", "every n-th frame")}
    rows = -(-len(settings) // 3)
    figure, panels = pyplot.subplots(rows, 3, figsize=(9.5, 2.9 * rows), squeeze=False)
    for panel in panels.flat[len(settings) :]:
        panel.axis("off")
    for panel, setting in zip(panels.flat, settings):
        for way, (color, style, name) in styles.items():
            runs = results.of(setting, way)
            if not runs:
                continue
            points = []
            for share in sorted({share for shares in runs.values() for share in shares}):
                cells = [shares[share] for shares in runs.values() if share in shares]
                values = [score(cell["accuracy"]) for cell in cells]
                points.append((np.mean([cell["labels"] for cell in cells]), np.mean(values), np.std(values) / np.sqrt(len(values))))
            labels, height, error = np.array(points).T
            panel.errorbar(labels, 100 * height, 100 * error, fmt=style, color=color, label=name, markersize=4, linewidth=1.2)
        panel.set_xscale("log")
        panel.set_xticks([100, 300, 1000, 3000], ["100", "300", "1,000", "3,000"])
        panel.xaxis.set_minor_formatter(ticker.NullFormatter())
        panel.set_title(setting, fontsize=10)
        panel.set_xlabel("labels spent")
        panel.grid(alpha=0.25)
    for row in panels:
        row[0].set_ylabel("accuracy at the end, %")
    panels[0][0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
