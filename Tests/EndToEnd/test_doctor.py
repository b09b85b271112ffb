"""What doctor finds on a machine that is well, and on one that is not."""

import json
import socket
import subprocess
import time

import pytest
from badmodels.stub import compiler
from driver import Gleaner, kill, wait_for, write_configuration
from hostile import in_mounts
from motion_jpeg import pictures
from test_v4l2 import camera as played_camera, double  # noqa: F401 - fixtures


@pytest.fixture(autouse=True)
def disk(tmp_path):
    """Tests of what is well need a disk that is."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", tmp_path], capture_output=True, text=True, check=True).stdout.strip()
    if kind in ("tmpfs", "ramfs", "nfs"):
        pytest.skip(f"the temporary folder lies on {kind}: name one on a disk with TMPDIR")


PICTURE = "meter-digits/images/field/00000.jpg"


def findings(gleaner, *words, status=0):
    """What it found, by part."""
    found = gleaner("doctor", *words, status=status)["findings"]
    assert len({each["path"] for each in found}) == len(found), found
    for each in found:
        assert (each["state"] == "ok") == (each["remedy"] == ""), each
    return {each["path"]: each for each in found}


def files(gleaner):
    return sorted(str(path) for path in gleaner.folder.rglob("*"))


def test_a_deployment_that_is_well_is_found_well_and_left_as_it_was(meter, camera):
    camera(PICTURE)
    before = files(meter)
    # One that was killed has left this.
    (meter.folder / "doctor-1.partial").write_bytes(bytes(4096))
    found = findings(meter)
    assert files(meter) == before
    assert {"disk.room", "disk.flush", "disk.speed", "clock", "source", "model", "memory", "heat"} <= set(found)
    assert "problem" not in {each["state"] for each in found.values()}, found
    assert found["disk.speed"]["measured"]["write_p99_ms"] >= found["disk.flush"]["measured"]["p50_ms"] > 0
    assert "gave a frame of" in found["source"]["message"]
    assert found["model"]["measured"]["frame_p50_ms"] > 0
    # Its frame counts for nothing, and is collected later.
    assert meter.conserved()["frames"]["offered"] == 0
    assert meter("run", "--until-end")["offered"] == 1


def test_each_part_is_one_line_and_its_remedy(meter):
    said = meter.text("doctor").stdout.splitlines()
    heads = [line for line in said if not line.startswith(" ")]
    assert all(line.split()[0] in ("ok", "warning", "problem") for line in heads)
    (place,) = [number for number, line in enumerate(said) if line.startswith("warning  source: ")]
    assert "has no frame yet" in said[place] and said[place + 1].strip().startswith("try: ")


@pytest.mark.parametrize("kind", ["memory", "overlay on memory", "overlay"])
def test_a_disk_that_forgets_is_found(meter, camera, tmp_path, kind):
    camera(PICTURE)
    station, upper = meter.folder, tmp_path / "upper"
    upper.mkdir()
    kept = tmp_path / "kept"
    mounts = {
        "memory": [f"cp -a '{station}' '{kept}'", f"mount -t tmpfs tmpfs '{station}'", f"cp -a '{kept}/.' '{station}'"],
        "overlay on memory": [
            f"mount -t tmpfs tmpfs '{upper}'", f"mkdir '{upper}/changes' '{upper}/work'",
            f"mount -t overlay overlay -o 'lowerdir={station},upperdir={upper}/changes,workdir={upper}/work' '{station}'",
        ],
        "overlay": [
            f"mkdir '{upper}/changes' '{upper}/work'",
            f"mount -t overlay overlay -o 'lowerdir={station},upperdir={upper}/changes,workdir={upper}/work' '{station}'",
        ],
    }
    done = in_mounts(meter.command("doctor", "--json"), mounts[kind])
    if kind != "memory" and "mount" in done.stderr:
        pytest.skip(f"this machine cannot mount an overlay here: {done.stderr.strip()}")
    (flush,) = [each for each in json.loads(done.stdout)["findings"] if each["path"] == "disk.flush"]
    if kind == "overlay":
        assert done.returncode == 0 and flush["state"] == "warning" and "container" in flush["message"]
    else:
        assert done.returncode == 1 and flush["state"] == "problem" and "memory" in flush["message"]


def test_flushes_that_do_nothing_are_found(meter, camera, tmp_path, monkeypatch):
    camera(PICTURE)
    source, library = tmp_path / "noflush.c", tmp_path / "noflush.so"
    source.write_text("int fsync(int file) { return file < 0; }\nint fdatasync(int file) { return file < 0; }\n")
    subprocess.run([compiler(), "-shared", "-fPIC", source, "-o", library], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    flush = findings(meter, status=1)["disk.flush"]
    assert flush["state"] == "problem" and "no disk is that quick" in flush["message"]


def test_a_full_volume_is_found_without_filling_it_more(meter, camera):
    camera(PICTURE)
    write_configuration(meter.folder, "source: folder:camera\nstorage: {keep_free: 100 TiB}\n")
    found = findings(meter, status=1)
    assert found["disk"]["state"] == "problem" and "keep_free" in found["disk"]["message"]
    assert "no room" in found["disk.speed"]["message"]


@pytest.mark.parametrize(("source", "naming"), [
    ("folder:nowhere", "does not exist"), ("v4l2:/dev/video99", "/dev/video99"), ("rtsp://127.0.0.1:9/1", "127.0.0.1:9"),
])
def test_a_source_that_gives_nothing_is_found(meter, source, naming):
    write_configuration(meter.folder, f"source: {source}\n")
    found = findings(meter, "--seconds", 5, status=1)["source"]
    assert found["state"] == "problem" and naming in found["message"] + found["remedy"], found


def test_where_other_programs_hand_frames_over_is_tried(gleaner):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        write_configuration(gleaner.folder, f"source: {{type: ingest, listen: '127.0.0.1:{port}'}}\n")
        assert str(port) in findings(gleaner, status=1)["source"]["message"]
    found = findings(gleaner)
    assert found["source"]["state"] == "ok" and "awaits frames" in found["source"]["message"]
    assert "model" not in found, "a model was asked for that is not needed"


def test_a_picture_that_is_damaged_is_found(meter):
    (meter.folder / "camera" / "1.jpg").write_bytes(b"\xff\xd8 and no more")
    found = findings(meter, status=1)["source"]
    assert found["state"] == "problem", found


def test_a_camera_on_the_device_is_opened_and_named(meter, played_camera):  # noqa: F811
    played_camera.show(next(pictures()))
    write_configuration(meter.folder, f"source: {{type: v4l2, path: {played_camera.path}, width: 160, height: 120, format: mjpeg}}\n")
    found = findings(meter)["source"]
    assert found["state"] == "ok" and "160 × 120" in found["message"] and "camera" in found["message"].split(";")[1]
    played_camera.unplug()
    found = findings(meter, status=1)["source"]
    assert "plug it in" in found["remedy"]


def test_a_camera_that_stays_silent_is_waited_for_no_longer_than_asked(meter):
    # Connections are taken, and nothing is ever said.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        write_configuration(meter.folder, f"source: rtsp://127.0.0.1:{silent.getsockname()[1]}/1\n")
        begin = time.monotonic()
        found = findings(meter, "--seconds", 1, status=1)["source"]
    assert "gave no frame in 1 s" in found["message"] and time.monotonic() - begin < 30


def test_a_model_that_is_damaged_is_found(meter, camera):
    camera(PICTURE)
    (model,) = meter.folder.glob("models/*/model.onnx")
    model.write_bytes(model.read_bytes()[:-1] + b"\0\0")
    found = findings(meter, status=1)["model"]
    assert found["state"] == "problem" and "SHA-256" in found["message"]


def test_a_model_that_is_too_slow_for_its_rate_is_a_warning(detector, camera):
    camera("models/pictures/dog.jpg")
    write_configuration(detector.folder, "source: folder:camera\ninference: {max_rate: 1000, duty_cycle: 0.1}\n")
    found = findings(detector)["model"]
    assert found["state"] == "warning" and "max_rate asks for 1000" in found["message"], found


def test_a_running_collector_is_not_disturbed(meter, camera):
    camera(PICTURE)
    process = meter.collecting()
    try:
        found = findings(meter)
        assert f"process {process.pid}" in found["source"]["message"]
        assert {"disk.flush", "disk.speed", "clock", "memory"} <= set(found)
        wait_for(lambda: meter.conserved()["frames"]["offered"] == 1)
        assert process.poll() is None
    finally:
        kill(process)


def test_what_is_no_deployment_is_a_problem_and_stays_untouched(binary, tmp_path):
    found = findings(Gleaner(binary, tmp_path), status=1)
    assert set(found) == {"deployment"} and "gleaner init" in found["deployment"]["remedy"]
    assert list(tmp_path.iterdir()) == []


def test_mistakes_of_the_configuration_come_first(meter):
    write_configuration(meter.folder, "source: folder:camera\nselektion: {}\n")
    found = findings(meter, status=1)
    assert next(iter(found)) == "selektion" and "memory" in found


def test_seconds_must_make_sense(meter):
    assert "--seconds" in meter.text("doctor", "--seconds", "0", status=64).stderr
