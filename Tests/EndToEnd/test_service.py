"""What a service manager hears of a collector, and what it can tell by that: systemd's protocol, on a socket of ours."""

import signal
import socket
import time

import pytest
from badmodels import corpus
from driver import kill, stop, write_configuration

WATCHDOG_SECONDS = 1


class ServiceManager:
    """Hears what a process says of itself."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name)

    def hear(self, word, seconds=10):
        """Waits for a message with a line that begins so; returns all lines of it, and those of the messages before."""
        lines, deadline = [], time.monotonic() + seconds
        while not any(line.startswith(word) for line in lines):
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                lines += self.socket.recv(4096).decode().split("\n")
            except TimeoutError:
                pytest.fail(f"{word} was not heard in {seconds} s, but {lines}")
        return lines

    def listen(self, seconds):
        """Everything that is heard in this time: moments, and the lines of each."""
        heard, deadline = [], time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                heard.append((self.socket.recv(4096).decode().split("\n"), time.monotonic()))
            except TimeoutError:
                break
        return heard


@pytest.fixture(params=["file", "abstract"])
def named(request, tmp_path):
    """A name for a socket, and how the environment has it."""
    if request.param == "file":
        return (str(tmp_path / "notify"),) * 2
    return f"\0gleaner{tmp_path}", f"@gleaner{tmp_path}"


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """A service manager that takes a process for hung when it does not hear of it for a second."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", str(WATCHDOG_SECONDS * 1_000_000))
    return ServiceManager(str(tmp_path / "notify"))


@pytest.fixture
def running(request):
    """Starts a collector; kills it after the test."""

    def start(gleaner):
        process = gleaner.start("run")
        request.addfinalizer(lambda: kill(process))
        return process

    return start


def is_watched_without_a_gap(manager, seconds=4):
    heard = manager.listen(seconds)
    moments = [moment for lines, moment in heard if "WATCHDOG=1" in lines]
    gaps = [later - earlier for earlier, later in zip(moments, moments[1:])]
    return len(moments) >= 2 * seconds and max(gaps) < WATCHDOG_SECONDS


def put(gleaner, numbers):
    for number in numbers:
        corpus.put(gleaner.folder / "camera", number)


def test_it_says_that_it_is_ready_once_it_collects_and_that_it_stops(named, meter, running, monkeypatch):
    bound, name = named
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    manager = ServiceManager(bound)
    process = running(meter)
    lines = manager.hear("READY=1")
    assert lines[0] == "READY=1" and lines[1].startswith("STATUS=folder:") and "meter-digits@1" in lines[1]
    assert f"process {process.pid}," in meter("status")["collector"]
    assert stop(process)[0] == 0
    assert manager.hear("STOPPING=1") == ["STOPPING=1"]


def test_it_is_never_ready_where_it_cannot_collect(gleaner, manager):
    gleaner.fails("run", naming=["model"])
    assert manager.listen(0.2) == []


def test_it_gets_on_while_there_is_nothing_to_see(meter, manager, running):
    running(meter)
    manager.hear("READY=1")
    assert is_watched_without_a_gap(manager)


def test_it_gets_on_while_a_camera_is_silent(meter, manager, running):
    write_configuration(meter.folder, "source: rtsp://127.0.0.1:9/camera\n")
    running(meter)
    manager.hear("READY=1")
    assert is_watched_without_a_gap(manager)


def test_it_gets_on_while_frames_come_slower_than_the_watch(meter, manager, running, camera, meter_truth):
    write_configuration(meter.folder, "source: folder:camera\ninference: {max_rate: 0.4}\n")
    camera(*("meter-digits/" + row["file"] for row in meter_truth["field"][:20]))
    running(meter)
    manager.hear("READY=1")
    assert is_watched_without_a_gap(manager)


def test_a_model_that_hangs_is_not_said_to_get_on(gleaner, stub_runtime, manager, running, monkeypatch, tmp_path):
    monkeypatch.setenv("GLEANER_ONNXRUNTIME", str(stub_runtime))
    write_configuration(gleaner.folder, "source: folder:camera\n")
    # The first model of a deployment has none to go back to, so that nothing but the watchdog sees what it does.
    gleaner("model", "import", corpus.bundle(corpus.marked("hang@run=6,in=run"), tmp_path / "hangs"))
    running(gleaner)
    manager.hear("READY=1")
    put(gleaner, range(10))
    manager.hear("STATUS=hangs: its judge")
    assert not any("WATCHDOG=1" in lines for lines, _ in manager.listen(2))


def test_a_collector_that_starts_itself_anew_is_still_heard(parts, manager, running, tmp_path):
    parts("model", "import", corpus.bundle(corpus.marked("hang@run=6,in=run"), tmp_path / "hangs"))
    process = running(parts)
    manager.hear("READY=1")
    put(parts, range(10))
    lines = manager.hear("READY=1", seconds=20)
    assert "STOPPING=1" not in lines and process.poll() is None
    assert is_watched_without_a_gap(manager)
    process.send_signal(signal.SIGTERM)
    manager.hear("STOPPING=1")
