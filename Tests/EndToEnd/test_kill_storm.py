"""kill -9 at random moments of everything that writes: it starts again each time, and what it said it had, it has."""

import csv
import hashlib
import os
import random
import shutil
import time
from collections import Counter

from driver import kill, samples_of, write_configuration

KILLS = int(os.environ.get("GLEANER_KILLS", "200"))
FRAMES_PER_ROUND = 25
CONFIGURATION = "source: folder:camera\nselection: {budget: {share: 0.5}, deduplicate: false}\n"


class Storm:
    """A deployment that is killed again and again, and what it has acknowledged so far."""

    def __init__(self, gleaner, bundles, truth, pictures, folder, seed):
        self.gleaner = gleaner
        self.bundles = bundles
        self.truth = truth  # class by picture
        self.pictures = pictures
        self.folder = folder
        self.random = random.Random(seed)
        self.offered = {}  # frame name -> the picture it is a copy of
        self.samples = {}  # what was listed once
        self.labels = {}  # sample -> class, of imports that reported success
        self.batches = {}  # folder name -> samples, of labeling batches that are there
        # How long each step takes when nobody kills it; a guess that is corrected as steps finish.
        self.seconds = {"run": 0.6, "export": 0.3, "label": 0.2, "model": 1.0}
        self.outcomes = Counter()

    def put_frames(self):
        for _ in range(FRAMES_PER_ROUND):
            name = f"{len(self.offered):06}.jpg"
            picture = self.pictures[len(self.offered) % len(self.pictures)]
            partial = self.gleaner.folder / f".{name}"
            shutil.copy(picture, partial)
            partial.rename(self.gleaner.folder / "camera" / name)
            self.offered[name] = picture

    def strike(self):
        """Starts a step and kills it at a random moment; says whether it was over before."""
        step = self.random.choices(["run", "export", "label", "model"], [6, 2, 2, 2])[0]
        arguments, finished = getattr(self, f"_{step}")()
        begin = time.monotonic()
        process = self.gleaner.start(*arguments)
        time.sleep(self.random.uniform(0, 1.1 * self.seconds[step]))
        if step == "run" and self.random.random() < 0.3:
            self.note_samples()  # what another process was shown while the collector ran
        over = process.poll() is not None
        if over:
            assert process.returncode == 0, f"{' '.join(arguments)}: {process.stderr.read()}"
            self.seconds[step] = 0.8 * self.seconds[step] + 0.2 * min(time.monotonic() - begin, 3)
            finished()
        else:
            self.seconds[step] *= 1.02
        kill(process)
        self.outcomes[step, "over" if over else "killed"] += 1

    def _run(self):
        self.put_frames()
        return ["run", "--until-end"], lambda: None

    def _export(self):
        to = self.folder / "labeling"
        return ["export", "--for", "labeling", "--format", "csv,coco", "--limit", "15", "--to", str(to)], lambda: None

    def _label(self):
        """Labels for some of the samples that have left, corrected now and then."""
        sent = [sample for batch in self.batches.values() for sample in batch]
        chosen = self.random.sample(sent, min(len(sent), 40))
        path = self.folder / "labels.csv"
        answers = {}
        with open(path, "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["id", "label"])
            for sample in chosen:
                answers[sample["id"]] = self.truth[self.offered[sample["origin"]]]
                table.writerow([sample["id"], answers[sample["id"]]])
        return ["label", "import", str(path), "--format", "csv"], lambda: self.labels.update(answers)

    def _model(self):
        # Back and forth, whatever labels and earlier kills say: what is looked at is that either is whole.
        wishes = ["--allow-downgrade", "--accept", "--retry"]
        return ["model", "import", str(self.bundles[self.random.choice([1, 2])]), *wishes], lambda: None

    def note_samples(self):
        listed = self.gleaner.samples(validated=False)
        for id, line in self.samples.items():
            assert id in listed, f"sample {id} was there and is gone"
            assert listed[id]["sample"]["sha256"] == line["sample"]["sha256"]
        origins = Counter(line["sample"]["origin"] for line in listed.values())
        twice = [name for name, count in origins.items() if count > 1]
        assert not twice, f"stored twice: {twice[:5]}"
        self.samples = listed

    def check(self):
        """It starts, nothing that was acknowledged is missing, nothing is there twice."""
        begin = time.monotonic()
        status = self.gleaner.conserved()
        assert time.monotonic() - begin < 10
        assert status["model"]["version"] in (1, 2)
        assert status["problems"] == []
        assert status["frames"]["offered"] <= len(self.offered)
        self.note_samples()
        for id, label in self.labels.items():
            assert self.samples[id]["label"] == label, f"the label of {id} is gone"
        self.note_batches()

    def note_batches(self):
        folder = self.folder / "labeling"
        for batch in folder.glob("batch-*") if folder.exists() else ():
            if batch.name not in self.batches:
                self.batches[batch.name] = whole(batch)
        sent = Counter(sample["id"] for batch in self.batches.values() for sample in batch)
        twice = [id for id, count in sent.items() if count > 1]
        assert not twice, f"left twice for labeling: {twice[:5]}"


def whole(batch):
    """The samples of a batch that has its final name: it must be complete to the byte."""
    import json

    manifest = (batch / "manifest.json").read_bytes()
    assert hashlib.sha256(manifest).hexdigest().startswith(batch.name.removeprefix("batch-"))
    listed = {file["path"]: file for file in json.loads(manifest)["files"]}
    found = {str(path.relative_to(batch)) for path in batch.rglob("*") if path.is_file()} - {"manifest.json"}
    assert found == set(listed)
    for path, file in listed.items():
        assert hashlib.sha256((batch / path).read_bytes()).hexdigest() == file["sha256"], f"{batch.name}/{path}"
    return samples_of(batch)


def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice(meter, meter_bundles, meter_truth, data, tmp_path):
    seed = int(os.environ.get("GLEANER_STORM_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"GLEANER_STORM_SEED={seed}")
    pictures = {data / "meter-digits" / row["file"]: row["label"] for row in meter_truth["field"]}
    write_configuration(meter.folder, CONFIGURATION)
    storm = Storm(meter, meter_bundles, pictures, list(pictures), tmp_path, seed)
    storm.put_frames()
    while sum(storm.outcomes.values()) < 4 * KILLS:
        storm.strike()
        storm.check()
        if sum(count for (_, how), count in storm.outcomes.items() if how == "killed") >= KILLS:
            break
    print({f"{step} {how}": count for (step, how), count in sorted(storm.outcomes.items())})
    assert all(storm.outcomes[step, "killed"] for step in ("run", "export", "label", "model"))

    # Left alone, it comes to its end: each frame was offered once, and what was kept is what the camera gave.
    meter("run", "--until-end")
    assert meter.conserved()["frames"]["offered"] == len(storm.offered)
    while meter("export", "--for", "labeling", "--format", "csv", "--limit", 1000, "--to", tmp_path / "labeling")["batches"]:
        storm.check()
    sent = [sample for batch in storm.batches.values() for sample in batch]
    assert {sample["id"] for sample in sent} == set(storm.samples)
    for sample in sent:
        original = hashlib.sha256(storm.offered[sample["origin"]].read_bytes()).hexdigest()
        assert sample["sha256"] == original, f"{sample['id']} is not the picture that was captured"
    leftovers = [path.name for path in (tmp_path / "labeling").iterdir() if not path.name.startswith("batch-")]
    assert leftovers == []
