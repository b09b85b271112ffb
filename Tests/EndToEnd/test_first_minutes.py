"""A deployment's first minutes: init asks or is told, and check finds what is missing."""

import os
import pty
import re
import select
import subprocess
import time

import pytest
import yaml
from driver import Gleaner, wait_for


@pytest.fixture
def station(binary, tmp_path):
    """A command in a folder with a camera's pictures to be; nothing is a deployment yet."""
    (tmp_path / "camera").mkdir()
    return Gleaner(binary, tmp_path / "station")


def init(station, *words, status=0):
    return station.text("init", "station", *words, status=status, cwd=station.folder.parent)


def configured(station):
    return yaml.safe_load((station.folder / "gleaner.yaml").read_text())


def beside(station):
    """What lies in the folder in which the deployment is to be made, camera and bundles left out."""
    return {path.name for path in station.folder.parent.iterdir()} - {"camera", "model"}


# Told


def test_without_a_word_it_is_what_it_always_was(station):
    done = init(station)
    assert "station is a deployment now. Edit station/gleaner.yaml" in done.stdout and done.stderr == ""
    assert configured(station) == {"source": "folder:camera"}
    assert [path.name for path in station.folder.iterdir()] == ["gleaner.yaml"]


def test_the_current_folder_may_be_made_one(station, meter_bundles):
    station.folder.mkdir()
    station.text("init", ".", "--source", "../camera", "--model", meter_bundles[1], cwd=station.folder)
    assert configured(station) == {"source": f"folder:{station.folder.parent}/camera"}
    assert station("check")["problems"] == []


def test_three_options_make_a_deployment_that_collects(station, meter_bundles, data):
    for name in ("00000", "00001", "00002"):
        picture = f"{name}.jpg"
        (station.folder.parent / "camera" / picture).write_bytes((data / "meter-digits/images/field" / picture).read_bytes())
    document = init(station, "--source", "camera", "--budget", "50 a day", "--model", meter_bundles[1], "--json")
    assert '"meter-digits"' in document.stdout
    station._validate(["init"], yaml.safe_load(document.stdout))
    assert configured(station) == {
        "source": f"folder:{station.folder.parent}/camera",
        "selection": {"budget": {"labels_per_day": 50}},
    }
    assert station("check")["problems"] == []
    assert station("run", "--until-end")["offered"] == 3


@pytest.mark.parametrize(("told", "source"), [
    ("folder:camera", "folder:{here}/camera"),
    ("./camera", "folder:{here}/camera"),
    ("../{name}/camera", "folder:{here}/camera"),
    ("station/camera", "folder:camera"),
    ("a b #c", "folder:{here}/a b #c"),
    ("rtsp://camera.example/1", "rtsp://camera.example/1"),
    ("ingest", "ingest"),
])
def test_a_source_is_written_as_it_will_be_found(station, told, source):
    here = station.folder.parent
    (here / "a b #c").mkdir()
    (here / "station" / "camera").mkdir(parents=True)
    init(station, "--source", told.format(name=here.name))
    assert configured(station)["source"] == source.format(here=here)


@pytest.mark.parametrize(("told", "budget"), [
    ("5 %", {"share": "5 %"}), ("2.5%", {"share": "2.5 %"}), ("200 a day", {"labels_per_day": 200}),
    ("200/day", {"labels_per_day": 200}), ("700 labels per week", {"labels_per_day": 100}), ("50 a week", {"labels_per_day": 7.14}),
])
def test_a_budget_is_written_as_the_configuration_has_it(station, told, budget):
    init(station, "--budget", told)
    assert configured(station)["selection"] == {"budget": budget}
    assert "(default" in (station.folder / "gleaner.yaml").read_text(), "the other keys are explained still"


@pytest.mark.parametrize(("words", "naming"), [
    (["--source", "fodler:camera"], ["fodler", "folder"]),
    (["--source", "nowhere"], ["nowhere", "does not exist", "make the folder"]),
    (["--source", "/dev/video99"], ["/dev/video99", "name another"]),
    (["--source", "video:nothing.mp4"], ["nothing.mp4", "name a video file"]),
    (["--budget", "200"], ["'200' is no budget", "200 a day"]),
    (["--budget", "0 %"], ["0 %", "0.001 to 100 %"]),
    (["--budget", "0.0001 %"], ["0.0001 %", "0.001 to 100 %"]),
    (["--budget", "200 %"], ["200 %"]),
    (["--budget", "0 a day"], ["0 labels a day"]),
    (["--model", "nowhere.tar"], ["nowhere.tar"]),
    (["--model", "camera"], ["model.json"]),
    (["--source", "camera", "--budget", "5 %", "--model", "nowhere.onnx"], ["nowhere.onnx"]),
])
def test_a_wrong_option_is_said_and_leaves_nothing(station, words, naming):
    done = init(station, *words, status=1)
    for name in naming:
        assert name in done.stderr, done.stderr
    assert "try:" in done.stderr or "nowhere" in done.stderr
    assert beside(station) == set()


def test_what_was_there_before_a_failure_is_there_after_it(station):
    (station.folder / "camera").mkdir(parents=True)
    (station.folder / "camera" / "1.png").write_bytes(b"a picture")
    init(station, "--model", "nowhere.tar", status=1)
    assert [path.name for path in station.folder.rglob("*")] == ["camera", "1.png"]


def test_what_is_told_of_a_model_needs_the_model(station):
    assert "--model" in init(station, "--labels", "cat,dog", status=64).stderr


def test_a_deployment_is_not_made_twice(station):
    init(station)
    text = (station.folder / "gleaner.yaml").read_bytes()
    assert "is a deployment already" in init(station, "--source", "camera", status=1).stderr
    assert (station.folder / "gleaner.yaml").read_bytes() == text


# Asked


class Person:
    """Sits at a terminal on which a command runs."""

    def __init__(self, command, cwd):
        self.end, inner = pty.openpty()
        self.process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, cwd=cwd, start_new_session=True)
        os.close(inner)
        self.seen = ""

    def sees(self, text, seconds=60):
        """Reads until a text is there, and forgets what came before it."""
        wait_for(lambda: self._reads(text), seconds)
        self.seen = self.seen[self.seen.index(text) + len(text):]

    def answers(self, text):
        os.write(self.end, f"{text}\n".encode())

    def leaves(self):
        """Ends the input, as Ctrl-D does."""
        os.write(self.end, b"\x04")

    def waits(self, seconds=60):
        """Until the command has ended; returns its exit status and the rest of what it said."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.seen
            self._reads("\0")
        self._reads("\0")
        os.close(self.end)
        return self.process.returncode, self.seen

    def _reads(self, text):
        while select.select([self.end], [], [], 0)[0]:
            try:
                piece = os.read(self.end, 4096)
            except OSError:  # nobody holds the other end any more
                break
            if not piece:
                break
            self.seen += piece.decode(errors="replace").replace("\r\n", "\n")
        return text in self.seen


@pytest.fixture
def person(station):
    sitting = []

    def sit(*words):
        sitting.append(Person([station.binary, "init", "station", *words], cwd=station.folder.parent))
        return sitting[-1]

    yield sit
    for each in sitting:
        each.process.kill()
        each.process.wait()


def test_a_person_is_asked_for_source_budget_and_model(station, person, meter_bundles):
    (station.folder.parent / "model").symlink_to(meter_bundles[1])
    someone = person()
    someone.sees("Where do frames come from?")
    someone.answers("camera")
    someone.sees("What may they cost?")
    someone.answers("300 a week")
    someone.sees("Which model is shown the frames?")
    someone.answers("model")
    status, said = someone.waits()
    assert status == 0 and "meter-digits@1 is active" in said, said
    assert configured(station)["source"].endswith("/camera")
    assert configured(station)["selection"] == {"budget": {"labels_per_day": 42.86}}
    assert station("check")["problems"] == []


def test_no_answer_is_the_default(station, person):
    someone = person()
    for question in ("Where do", "What may", "Which model"):
        someone.sees(question)
        someone.answers("")
    status, said = someone.waits()
    assert status == 0 and "bring in a model" in said, said
    assert configured(station) == {"source": "folder:camera"}


def test_a_wrong_answer_is_asked_for_again_with_the_reason(station, person, meter_bundles):
    (station.folder.parent / "model").symlink_to(meter_bundles[1])
    someone = person()
    someone.sees("[the folder camera in station]")
    someone.answers("fodler:camera")
    someone.sees("did you mean 'folder'?")
    someone.sees("[the folder camera in station]")
    someone.answers("nowhere")
    someone.sees("nowhere does not exist")
    someone.sees("[the folder camera in station]")
    someone.answers("camera")
    someone.sees("[2 %]")
    someone.answers("many")
    someone.sees("'many' is no budget")
    someone.sees("[2 %]")
    someone.answers("10 %")
    someone.sees("[none yet]")
    someone.answers("camera")
    someone.sees("model.json")
    someone.sees("[none yet]")
    assert not station.folder.exists(), "something of the model that failed lies there while the next one is awaited"
    someone.answers("model")
    status, said = someone.waits()
    assert status == 0 and "is active" in said, said


def test_frames_that_bring_predictions_need_no_model(station, person):
    someone = person()
    someone.sees("Where do")
    someone.answers("ingest")
    someone.sees("What may")
    someone.answers("")
    status, said = someone.waits()
    assert status == 0 and "Which model" not in said and "import" not in said, said
    assert configured(station) == {"source": "ingest"}


def test_a_person_who_leaves_leaves_nothing_behind(station, person):
    someone = person()
    someone.sees("Where do")
    someone.answers("camera")
    someone.sees("[2 %]")
    someone.leaves()
    status, said = someone.waits()
    assert status == 1 and "nothing was made" in said and "--source" in said, said
    assert beside(station) == set()


@pytest.mark.parametrize("words", [["--source", "camera"], ["--budget", "5 %"], ["--json"]])
def test_whoever_says_something_is_not_asked(station, person, words):
    status, said = person(*words).waits()
    assert status == 0 and "?" not in said, said
    assert (station.folder / "gleaner.yaml").exists()


def test_a_deployment_that_is_there_is_said_before_anything_is_asked(station, person):
    init(station)
    status, said = person().waits()
    assert status == 1 and "already" in said and not re.search(r"\?\s", said), said
