"""600 frames over one link that is away, slow or cut: what arrives with Gleaner, and what with a peer; see run.sh."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "EndToEnd"))
import links  # noqa: E402
from benches import detecting, noise  # noqa: E402
from driver import kill, samples_of, write_configuration  # noqa: E402
from receiver import Receiver  # noqa: E402

FRAMES = 600
CONFIGURATION = """\
        source: folder:camera
        selection: {{budget: {{share: 1}}, deduplicate: false}}
        sync: {{every_minutes: 0.05, destinations: [{{to: "{url}"}}]}}
"""


def draw(folder):
    """Frames of 320 × 240, all different."""
    folder.mkdir()
    for number in range(FRAMES):
        noise(folder / f"{number:04}.jpg", (320, 240), number, quality=75)
    return sorted(folder.iterdir())


# MARK: What may happen to a link


class Away:
    """Nobody listens for three minutes; the frames come in the first 20 seconds of them."""

    name = "nobody listens for three minutes"
    kilobits, per_second, listens = 8000, 30, False

    def at(self, number, link, side):
        pass

    def after(self, link, side):
        time.sleep(160)
        side.listen()


class Slow(Away):
    """All come at once, and the link takes a minute and a half to carry them."""

    name = "all at once, over 1 Mbit/s"
    kilobits, per_second, listens = 1000, 100_000, True

    def after(self, link, side):
        pass


class Cut(Slow):
    """The link goes down after a third of the frames, and comes back with the last third."""

    name = "down for 7 s, after a third"
    kilobits, per_second = 8000, 30

    def at(self, number, link, side):
        if number == FRAMES // 3:
            link.cut()
        if number == 2 * FRAMES // 3:
            link.mend()


class LongCut(Cut):
    """It comes back long after the last frame."""

    name = "down for three minutes, after a third"

    def at(self, number, link, side):
        if number == FRAMES // 3:
            link.cut()

    def after(self, link, side):
        time.sleep(180 - (FRAMES * 2 / 3) / self.per_second)
        link.mend()


# MARK: Who sends


class Ours:
    """`gleaner run`, and the receiver of the examples."""

    name = "Gleaner"

    def __init__(self, work, link):
        self.gleaner = detecting(work / "station")
        self.camera = self.gleaner.folder / "camera"
        self.link = link
        with link.far:
            self.receiver = Receiver(work / "incoming", host=links.FAR)
        write_configuration(self.gleaner.folder, CONFIGURATION.format(url=self.receiver.url))
        self.receiver.kill()

    def listen(self):
        with self.link.far:
            self.receiver.start()

    def start(self):
        with self.link.device:
            self.process = self.gleaner.collecting()

    def arrived(self):
        return len({sample["id"] for batch in self.receiver.batches() for sample in samples_of(batch)})

    def is_idle(self):
        return self.arrived() == FRAMES

    def note(self):
        frames = self.gleaner("status")["frames"]
        return f"{frames['stored']} stored, {frames['rejected'] + frames['dropped']} not"

    def end(self):
        kill(self.process)
        self.receiver.kill()


class Roboflow:
    """`inference`, which registers each frame in a thread of its own, as its pipelines do."""

    name, kind, environment = "Roboflow inference, thread", "thread", {}

    def __init__(self, work, link):
        self.work, self.link, self.lines, self.server = work, link, [], None
        self.camera = work / "camera"
        self.camera.mkdir()
        self.log = work / "log"
        (work / "arrived").touch()

    def listen(self):
        with self.link.far:
            words = [sys.executable, HERE / "cloud.py", links.FAR, "8000", self.work / "arrived"]
            self.server = subprocess.Popen(words, start_new_session=True)

    def start(self):
        words = [os.environ["ROBOFLOW_PYTHON"], HERE / "roboflow_frames.py", self.camera, str(FRAMES)]
        with self.link.device, open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [*words, f"http://{links.FAR}:8000", self.kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=log, text=True, cwd=self.work, env={**os.environ, **self.environment}, start_new_session=True,
            )  # fmt: skip
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()
        assert wait_for(lambda: self.said("ready"), 300), self.log.read_text()
        Roboflow.version = self.said("ready").split()[2]

    def said(self, word):
        return next((line for line in list(self.lines) if line.startswith(f"peer: {word}")), None)

    def arrived(self):
        return len(set((self.work / "arrived").read_text().split()))

    def is_idle(self):
        return self.said("idle")

    def note(self):
        registered = self.said("registered")
        _, _, held, refused = registered.split() if registered else ("", "", "?", "?")
        # Lines of a log are broken anywhere.
        log = " ".join("".join(self.lines).split())
        dropped, failed = log.count("Dropping datapoint"), log.count("Error in datapoint registration")
        why = f"{dropped} dropped at a full queue, {failed} given up, {refused} errors in the loop"
        return f"{why}; the loop waited {held} s"

    def end(self):
        kill(self.process)
        if self.server:
            kill(self.server)


class RoboflowRetrying(Roboflow):
    """The same, told to try again."""

    name, environment = "the same, retrying", {"RETRY_CONNECTION_ERRORS_TO_ROBOFLOW_API": "True"}


class RoboflowInLoop(Roboflow):
    """In the loop itself: a frame that cannot be registered is an error there."""

    name, kind = "Roboflow inference, in the loop", "loop"


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def measure(scenario, make, frames, work):
    """How many frames arrived, how long after the last one the last of them did, and what is said of the others."""
    with links.cable(kilobits=scenario.kilobits) as link:
        side = make(work, link)
        try:
            if scenario.listens:
                side.listen()
            side.start()
            begin = time.monotonic()
            for number, frame in enumerate(frames):
                time.sleep(max(0, begin + number / scenario.per_second - time.monotonic()))
                scenario.at(number, link, side)
                # Whole at once, as a camera's recorder does it: written elsewhere, then renamed.
                partial = side.camera.parent / f".{frame.name}"
                shutil.copy(frame, partial)
                partial.rename(side.camera / frame.name)
            scenario.after(link, side)
            begin = time.monotonic()
            wait_for(side.is_idle, 400)
            seconds = time.monotonic() - begin
            return {"arrived": side.arrived(), "seconds": round(seconds), "note": side.note()}
        finally:
            side.end()


def cell(result):
    """What arrived, and how long after both the last frame and the return of the link."""
    return f"{result['arrived']}" + (f", {result['seconds']} s later" if result["seconds"] else "")


def main():
    scenarios = {"away": Away(), "slow": Slow(), "cut": Cut(), "long-cut": LongCut()}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=scenarios, help="one of them")
    only = parser.parse_args().only
    chosen = [scenarios[only]] if only else list(scenarios.values())
    work = Path(tempfile.mkdtemp(prefix="gleaner-peers-"))
    try:
        frames = draw(work / "frames")
        contenders = [Ours, Roboflow, RoboflowRetrying, RoboflowInLoop]
        found = {}
        for scenario in chosen:
            for make in contenders:
                place = work / f"{type(scenario).__name__}-{make.__name__}"
                place.mkdir()
                found[scenario.name, make.name] = result = measure(scenario, make, frames, place)
                print(f"   {scenario.name}; {make.name}: {json.dumps(result)}", file=sys.stderr)
        print(f"| arrived of {FRAMES} frames | " + " | ".join(each.name for each in contenders) + " |")
        print("|---" * (len(contenders) + 1) + "|")
        for scenario in chosen:
            cells = (cell(found[scenario.name, each.name]) for each in contenders)
            print(f"| {scenario.name} | " + " | ".join(cells) + " |")
        git = ["git", "-C", HERE, "describe", "--always", "--dirty"]
        commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
        print(f"\nGleaner {commit}, inference-cpu {Roboflow.version}, Linux {platform.release()}")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
