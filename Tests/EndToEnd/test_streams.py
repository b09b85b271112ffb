"""Cameras on the network: the newest frame, for as long as there is a camera."""

import pytest
from driver import stop, wait_for, write_configuration
from motion_jpeg import Camera


@pytest.fixture
def cameras():
    """Starts cameras, and stops them at the end."""
    started = []

    def start(**options):
        started.append(Camera(**options))
        return started[-1]

    yield start
    for camera in started:
        camera.stop()


def configure(gleaner, source):
    selection = "{budget: {share: 1}, deduplicate: false}"
    write_configuration(gleaner.folder, f"source: {source}\nselection: {selection}\n")


def offered(gleaner):
    return gleaner("status")["frames"]["offered"]


def following(gleaner, source, frames=5):
    """A collector that has had so many frames of a camera."""
    configure(gleaner, source)
    process = gleaner.collecting()
    wait_for(lambda: offered(gleaner) >= frames)
    return process


def test_a_camera_that_goes_away_is_followed_again(meter, cameras):
    camera = cameras()
    process = following(meter, f"http://127.0.0.1:{camera.port}/video", frames=20)
    camera.stop()
    sent = camera.sent
    camera = cameras(port=camera.port)
    wait_for(lambda: offered(meter) >= sent + 20)
    _, _, message = stop(process)
    assert message.count("no frames") == 1 and message.count("frames again") == 1, message
    frames = meter.conserved()["frames"]
    assert frames["stored"] >= 40
    samples = [line["sample"] for line in meter.samples().values()]
    assert {(each["width"], each["height"], each["encoding"]) for each in samples} == {(160, 120, "jpeg")}
    assert all(each["captured_at"] for each in samples)


def test_a_camera_may_come_later_than_the_collector(meter, cameras):
    camera = cameras()
    camera.stop()
    configure(meter, f"http://127.0.0.1:{camera.port}/video")
    process = meter.collecting()
    cameras(port=camera.port)
    wait_for(lambda: offered(meter) >= 5)
    stop(process)


def test_frames_for_which_nobody_was_ready_are_counted(meter, cameras):
    camera = cameras(frames_per_second=500)
    process = following(meter, f"http://127.0.0.1:{camera.port}/video")
    wait_for(lambda: meter.reasons("dropped").get("late", 0) > 0)
    stop(process)
    frames = meter.conserved()["frames"]
    assert frames["offered"] <= camera.sent
    assert frames["dropped"] >= meter.reasons("dropped")["late"] > 0


def test_so_many_frames_a_second_and_no_more(meter, cameras):
    camera = cameras(frames_per_second=50)
    source = f"{{type: http, path: //127.0.0.1:{camera.port}/video, frames_per_second: 5, region: [0, 0, 80, 60]}}"
    process = following(meter, source)
    stop(process)
    assert offered(meter) <= camera.sent / 5
    assert {line["sample"]["width"] for line in meter.samples().values()} == {80}


def test_a_password_in_the_address_is_never_shown(meter, cameras):
    camera = cameras()
    process = following(meter, f"http://me:secret@127.0.0.1:{camera.port}/video")
    camera.stop()
    _, output, errors = stop(process)
    shown = output + errors + str(meter.samples())
    assert "secret" not in shown and f"http://…@127.0.0.1:{camera.port}/video" in shown


def test_an_address_that_is_none_is_said(meter):
    configure(meter, "http:camera")
    meter.fails("run", naming=["http://HOST/PATH"])
