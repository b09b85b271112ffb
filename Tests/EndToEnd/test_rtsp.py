"""Cameras that speak RTSP, against GStreamer's server."""

import signal

import pytest
import rtsp
from driver import stop, wait_for
from test_streams import configure, following, interruptions, offered


@pytest.fixture
def cameras():
    """Starts cameras, and stops them at the end."""
    started = []

    def start(**options):
        started.append(rtsp.Camera(**options))
        return started[-1]

    yield start
    for camera in started:
        camera.stop()


def section(camera, transport):
    return f"{{type: rtsp, path: //127.0.0.1:{camera.port}/1, transport: {transport}}}"


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("codec", rtsp.ENCODERS)
def test_a_camera_that_goes_away_is_followed_again(meter, cameras, codec, transport):
    camera = cameras(codec=codec)
    process = following(meter, section(camera, transport), frames=20)
    camera.stop()
    wait_for(lambda: interruptions(meter))
    before = offered(meter)
    cameras(codec=codec, port=camera.port)
    wait_for(lambda: offered(meter) >= before + 20, seconds=60)
    _, _, message = stop(process)
    assert message.count("no frames") == 1 and message.count("frames again") == 1, message
    meter.conserved()
    assert not meter.reasons("dropped").keys() - {"late"}
    samples = [line["sample"] for line in meter.samples().values()]
    assert {(each["width"], each["height"], each["encoding"]) for each in samples} == {(160, 120, "jpeg")}
    assert all(each["captured_at"] for each in samples)


def test_a_camera_that_falls_silent_is_followed_again(meter, cameras):
    camera = cameras()
    process = following(meter, camera.address())
    camera.process.send_signal(signal.SIGSTOP)
    (reason,) = wait_for(lambda: interruptions(meter))
    assert "gave nothing in time" in reason
    before = offered(meter)
    camera.process.send_signal(signal.SIGCONT)
    wait_for(lambda: offered(meter) >= before + 5)
    stop(process)


def test_a_camera_of_one_frame_a_second_is_followed_within_seconds(meter, cameras):
    camera = cameras(codec="mjpeg", frames_per_second=1)
    configure(meter, camera.address())
    process = meter.collecting()
    wait_for(lambda: offered(meter) >= 2, seconds=15)
    stop(process)


def test_a_camera_may_come_later_than_the_collector(meter, cameras):
    camera = cameras()
    camera.stop()
    configure(meter, camera.address())
    process = meter.collecting()
    cameras(port=camera.port)
    wait_for(lambda: offered(meter) >= 5)
    stop(process)


def test_a_camera_opens_to_its_password_which_is_never_shown(meter, cameras):
    camera = cameras(password="secret")
    process = following(meter, camera.address("me:secret@"))
    camera.stop()
    wait_for(lambda: interruptions(meter))
    _, output, errors = stop(process)
    shown = output + errors + str(meter.samples()) + str(meter("status"))
    assert "secret" not in shown and camera.address("…@") in shown


@pytest.mark.parametrize("address, reason", [("me:wrong@{}/1", "401 Unauthorized"), ("me:secret@{}/2", "404 Not Found")])
def test_why_a_camera_gives_nothing_is_said(meter, cameras, address, reason):
    camera = cameras(password="secret")
    configure(meter, "rtsp://" + address.format(f"127.0.0.1:{camera.port}"))
    process = meter.collecting()
    (event,) = wait_for(lambda: interruptions(meter))
    _, _, message = stop(process)
    assert reason in event and reason in message, message
    assert "wrong" not in message and "secret" not in message
