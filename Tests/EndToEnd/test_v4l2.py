"""Cameras on the device: played ones, and what is none."""

import io

import pytest
import v4l2
from driver import stop, wait_for
from motion_jpeg import pictures, without_tables
from PIL import Image
from test_streams import configure, following, interruptions, kept_pictures, offered


@pytest.fixture(scope="session")
def double(tmp_path_factory):
    return v4l2.build(tmp_path_factory.mktemp("double"))


@pytest.fixture
def camera(double, tmp_path, monkeypatch):
    """A camera that nobody has plugged in yet."""
    path = tmp_path / "video0"
    monkeypatch.setenv("LD_PRELOAD", str(double))
    monkeypatch.setenv("GLEANER_DOUBLE_CAMERA", str(path))
    return v4l2.Camera(path)


def section(camera, wishes):
    return f"{{type: v4l2, path: {camera.path}, width: 160, height: 120, {wishes}}}"


def test_a_camera_that_is_unplugged_is_followed_again(meter, camera, tmp_path):
    picture = without_tables(next(pictures()))
    camera.show(picture)
    process = following(meter, section(camera, "format: mjpeg, frames_per_second: 10"))
    camera.unplug()
    (reason,) = wait_for(lambda: interruptions(meter))
    assert "No such device" in reason
    before = offered(meter)
    camera.show(picture)
    wait_for(lambda: offered(meter) >= before + 5)
    _, _, message = stop(process)
    assert message.count("no frames") == 1 and message.count("frames again") == 1, message
    meter.conserved()
    assert {without_tables(kept) for kept in kept_pictures(meter, tmp_path / "out")} == {picture}


def test_colours_of_a_camera_that_sends_pixels_are_right(meter, camera, tmp_path):
    # Red of BT.601 in limited range: two pixels in four bytes.
    camera.show(bytes([81, 90, 81, 240]) * (160 * 120 // 2))
    stop(following(meter, section(camera, "format: yuyv")))
    for kept in kept_pictures(meter, tmp_path / "out"):
        picture = Image.open(io.BytesIO(kept))
        assert picture.size == (160, 120)
        assert all(abs(found - wanted) <= 4 for found, wanted in zip(picture.getpixel((80, 60)), (255, 0, 0)))


def test_a_camera_may_come_later_than_the_collector(meter, camera):
    configure(meter, f"v4l2:{camera.path}")
    process = meter.collecting()
    (reason,) = wait_for(lambda: interruptions(meter))
    assert "No such file" in reason and str(camera.path) in reason
    camera.show(bytes([81, 90, 81, 240]) * (160 * 120 // 2))
    wait_for(lambda: offered(meter) >= 5)
    stop(process)


def test_what_is_no_camera_is_said(meter):
    configure(meter, "v4l2:/dev/null")
    process = meter.collecting()
    (reason,) = wait_for(lambda: interruptions(meter))
    _, _, message = stop(process)
    assert "v4l2:/dev/null: Inappropriate ioctl for device" in reason and "v4l2-ctl --list-devices" in message


def test_a_machine_without_ffmpegs_devices_says_what_to_install(meter, tmp_path, monkeypatch):
    folder = tmp_path / "libraries"
    folder.mkdir()
    for major in range(58, 70):
        (folder / f"libavdevice.so.{major}").write_text("no library")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    configure(meter, "v4l2:/dev/video0")
    meter.fails("run", naming=["libavdevice.so.", "apt-get install libavdevice"])
    meter("status")


def test_a_width_wants_a_height(meter):
    configure(meter, "{type: v4l2, path: /dev/video0, width: 640}")
    meter.fails("run", naming=["width and height"])
