"""A bad model cannot take the collector down: it is not let in, or it makes way for the one before it."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from badmodels import corpus
from driver import Gleaner
from supervisor import Camera, Supervisor, wait_until

CHALLENGER = f"{corpus.NAME}@{corpus.NEXT}"
FRAMES = 20
# What the collector promises, and what it may take to start.
BACK_SECONDS, FAILED_FRAMES_MAX, START_SECONDS = 5, 3, 2


def states(gleaner):
    """What became of each model, by version."""
    return {line["model"]["version"]: line["state"] for line in gleaner("model", "list")["models"]}


def collect(gleaner, numbers):
    """Lets it collect some frames that are all new; none may be lost."""
    before = gleaner.conserved()["frames"]["stored"]
    for number in numbers:
        corpus.put(gleaner.folder / "camera", number)
    gleaner("run", "--until-end")
    frames = gleaner.conserved()["frames"]
    assert (frames["stored"], frames["dropped"]) == (before + len(numbers), 0)


@pytest.fixture
def unharmed(parts):
    """A deployment that has collected; afterwards the good model must serve as if nothing had come."""
    collect(parts, range(FRAMES))
    slots = sorted(path.name for path in (parts.folder / "models").iterdir())
    yield parts
    after = states(parts)
    assert after.pop(corpus.ACTIVE) == "active"
    assert set(after.values()) <= {"rejected"}
    assert sorted(path.name for path in (parts.folder / "models").iterdir()) == slots
    collect(parts, range(FRAMES, 2 * FRAMES))


# Not let in


@pytest.mark.parametrize("name", corpus.LOADED)
def test_a_bad_bundle_is_not_let_in(unharmed, tmp_path, name):
    bad = corpus.LOADED[name]
    unharmed.fails("model", "import", bad.make(tmp_path / "bad"), naming=bad.naming, timeout=60)


@pytest.mark.parametrize("byte_count", corpus.cuts())
def test_a_model_that_was_cut_is_not_let_in(unharmed, tmp_path, byte_count):
    unharmed.fails("model", "import", corpus.cut(byte_count, tmp_path / "bad"), naming=[CHALLENGER, "ONNX"])


@pytest.mark.parametrize("order", corpus.PROVED)
def test_a_model_that_misbehaves_while_it_is_proved_is_not_let_in(unharmed, tmp_path, order):
    bundle = corpus.bundle(corpus.marked(order), tmp_path / "bad")
    unharmed.fails("model", "import", bundle, naming=[corpus.PROVED[order]], timeout=60)


@pytest.mark.parametrize("name", corpus.GATED)
def test_a_model_that_is_worse_than_the_active_one_is_not_let_in(unharmed, tmp_path, name):
    collect(unharmed, range(100, 140))
    label_all(unharmed, tmp_path / "labels.csv")
    bad = corpus.GATED[name]
    unharmed.fails("model", "import", bad.make(tmp_path / "bad"), naming=bad.naming)


def label_all(gleaner, path):
    """Says of every sample what it shows: the number of its frame tells."""
    lines = [f"{id},{int(line['sample']['origin'][:6]) % 10}" for id, line in gleaner.samples().items()]
    path.write_text("\n".join(["id,label", *lines]))
    assert gleaner("label", "import", path, "--format", "csv")["applied"] == len(lines)


def test_a_good_model_is_let_in_under_the_same_labels(parts, tmp_path):
    collect(parts, range(60))
    label_all(parts, tmp_path / "labels.csv")
    parts("model", "import", corpus.bundle(corpus.good(), tmp_path / "better"))
    assert states(parts) == {corpus.ACTIVE: "previous", corpus.NEXT: "active"}
    collect(parts, range(100, 120))


def test_a_proof_keeps_a_model_from_files_and_the_network(parts, tmp_path):
    written = tmp_path / "written"
    with socket.create_server(("127.0.0.1", 0)) as server:
        orders = [f"write@run=1,path={written}", f"connect@run=1,port={server.getsockname()[1]}"]
        for version, order in enumerate(orders, corpus.NEXT):
            bundle = corpus.bundle(corpus.marked(order, version), tmp_path / f"bad{version}", version)
            parts("model", "import", "--stage", bundle)
        server.settimeout(0.5)
        with pytest.raises(TimeoutError):
            server.accept()
    assert not written.exists()


def test_what_a_model_prints_while_it_is_proved_reaches_nobody(parts, tmp_path):
    bundle = corpus.bundle(corpus.marked("output@run=1"), tmp_path / "bad")
    done = parts.text("model", "import", "--stage", bundle)
    assert "rubbish" not in done.stdout + done.stderr
    assert states(parts) == {corpus.ACTIVE: "active", corpus.NEXT: "staged"}


# Back on the one before


@dataclass
class Misbehaviour:
    """A line of the stub's log."""

    seconds: float  # of the monotonic clock
    process: int
    behaviour: str
    run: int

    @classmethod
    def all(cls, path):
        rows = [line.split() for line in path.read_text().splitlines()]
        return [cls(float(seconds), int(process), name, int(run)) for seconds, process, name, run in rows]


@dataclass
class Service:
    """A collector under its supervisor, and the camera before it."""

    gleaner: object
    supervisor: Supervisor
    camera: Camera

    def frames(self):
        return self.gleaner("status")["frames"]

    def collects(self, more=10):
        """Waits until it has stored some more frames than there are now."""
        count = len(self.camera.names) + more
        wait_until(
            lambda: self.frames()["stored"] >= count, 20,
            lambda: f"it does not collect: {self.frames()}\n{self.supervisor.log()}")

    def goes_back(self, seconds=30):
        """Waits until the good model serves again and the other is rejected; returns the moment."""
        wanted = {corpus.ACTIVE: "active", corpus.NEXT: "rejected"}
        wait_until(
            lambda: states(self.gleaner) == wanted, seconds,
            lambda: f"it does not go back: {states(self.gleaner)}\n{self.supervisor.log()}")
        return time.monotonic()

    def ends(self):
        """Ends camera and collector, when all frames are accounted for: each once, and none dropped."""
        self.camera.stop()
        names = self.camera.names
        wait_until(lambda: self.frames()["offered"] >= len(names), 20, lambda: f"{self.frames()} of {len(names)}")
        assert self.supervisor.stop() == 0, self.supervisor.log()
        frames = self.gleaner.conserved()["frames"]
        assert (frames["offered"], frames["stored"], frames["dropped"]) == (len(names), len(names), 0)
        assert sorted(line["sample"]["origin"] for line in self.gleaner.samples().values()) == names


@pytest.fixture
def service(parts, tmp_path):
    with Supervisor(parts, tmp_path) as supervisor, Camera(parts.folder / "camera") as camera:
        yield Service(parts, supervisor, camera)


@pytest.mark.parametrize("order", corpus.IN_SERVICE)
def test_a_model_that_misbehaves_in_service_makes_way(service, tmp_path, order):
    service.collects()
    service.gleaner("model", "import", corpus.bundle(corpus.marked(order), tmp_path / "bad"))
    back = service.goes_back()
    service.collects()
    service.ends()
    misbehaviours = Misbehaviour.all(tmp_path / "misbehaviour.log")
    assert {each.behaviour for each in misbehaviours} == {order.split("@")[0]}
    restarting = service.supervisor.away_seconds + START_SECONDS * service.supervisor.restart_count
    assert back - misbehaviours[0].seconds <= BACK_SECONDS + restarting, service.supervisor.log()
    assert failed_frame_count(misbehaviours, service.camera) <= FAILED_FRAMES_MAX


def failed_frame_count(misbehaviours, camera):
    """How many frames failed, or less: a model that serves may also fail on kept frames, which it scores anew."""
    if misbehaviours[0].behaviour in ("crash", "abort", "exit", "hang", "spin"):
        return len(misbehaviours)  # Each was the last one of its process.
    if misbehaviours[0].behaviour in ("nan", "fail"):
        first, last = misbehaviours[0].seconds, misbehaviours[-1].seconds
        # Each failed until the last; one that was put then may have been judged before or after.
        return sum(first < moment < last for moment in camera.moments) - 2
    return 0


def test_a_model_that_fails_on_bright_frames_only_makes_way(service, tmp_path):
    service.collects()
    path = corpus.FIELD["nan-when-bright"].make(tmp_path / "bad")
    service.gleaner("model", "import", path)
    service.collects()
    service.camera.light = 0.95
    service.goes_back()
    service.collects()
    service.ends()


def test_a_good_model_takes_over_while_frames_come(service, tmp_path):
    service.collects()
    service.gleaner("model", "import", corpus.bundle(corpus.good(), tmp_path / "better"))
    wait_until(lambda: serving_version(service.gleaner) == corpus.NEXT, 20, "the new model judges no frame")
    service.collects()
    service.ends()
    assert states(service.gleaner)[corpus.NEXT] == "active"
    assert service.supervisor.restart_count == 0


def test_a_third_model_that_cannot_be_loaded_makes_way_for_the_confirmed_one(service, tmp_path):
    service.collects()
    service.gleaner("model", "import", corpus.bundle(corpus.good(), tmp_path / "second"))
    wait_until(lambda: serving_version(service.gleaner) == corpus.NEXT, 20, "the second model judges no frame")
    third = corpus.NEXT + 1
    service.gleaner("model", "import", corpus.bundle(corpus.marked("fail@load,in=run", third), tmp_path / "third", third))
    wanted = {corpus.ACTIVE: "active", corpus.NEXT: "retired", third: "rejected"}
    wait_until(lambda: states(service.gleaner) == wanted, 20, lambda: f"{states(service.gleaner)}")
    # What the database says is what judges, without a restart.
    wait_until(lambda: serving_version(service.gleaner) == corpus.ACTIVE, 20, "the confirmed model judges no frame")
    service.ends()
    assert service.supervisor.restart_count == 0


def test_a_third_model_takes_over_from_one_in_probation(service, tmp_path):
    service.collects()
    for version in (corpus.NEXT, corpus.NEXT + 1):
        bundle = corpus.bundle(corpus.good(version), tmp_path / f"v{version}", version)
        service.gleaner("model", "import", bundle)
        wait_until(lambda wanted=version: serving_version(service.gleaner) == wanted, 20, f"{version} judges no frame")
    service.collects()
    service.ends()
    assert states(service.gleaner) == {corpus.ACTIVE: "previous", corpus.NEXT: "retired", corpus.NEXT + 1: "active"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_walls_stand_without_the_rights_of_root(binary, tmp_path_factory):
    # Nobody's: what belongs to root's own folders cannot be seen from there.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chmod(folder, 0o755)
        library = shutil.copy(os.environ["GLEANER_ONNXRUNTIME"], folder)
        command = shutil.copy(binary, folder)
        gleaner = Gleaner(command, folder / "station")
        gleaner.text("init", gleaner.folder)
        bundle = corpus.bundle(corpus.good(), folder / "good")
        shutil.copytree(bundle, gleaner.folder / "good")
        for path in [gleaner.folder, *gleaner.folder.rglob("*")]:
            os.chown(path, 65534, 65534)
        environment = {"GLEANER_ONNXRUNTIME": library, "PATH": os.environ["PATH"], "HOME": name}
        nobody = {"user": 65534, "group": 65534, "extra_groups": [], "env": environment, "cwd": "/"}
        done = gleaner.text("model", "import", gleaner.folder / "good", "--json", **nobody)
        walls = set(json.loads(done.stdout)["verdict"]["proof"]["walls"])
        # Whether a user may leave the network is the system's to say.
        may_leave = subprocess.run(["unshare", "--user", "--net", "true"], check=False, **nobody).returncode == 0
        assert walls == {"files", "memory", "processor"} | ({"network"} if may_leave else set())


def serving_version(gleaner):
    """The version that judged the newest sample."""
    newest = gleaner("sample", "list", "--limit", 1)["samples"][0]
    return newest["sample"]["model"]["version"]
