"""Cameras on the network: the newest frame, for as long as there is a camera."""

import json
import sqlite3
import time
from collections import Counter
from contextlib import closing

import pytest
from driver import samples_of, stop, wait_for, write_configuration
from motion_jpeg import Camera, without_tables


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


def interruptions(gleaner):
    """Why the camera gave nothing, as it was written down."""
    with closing(sqlite3.connect(f"file:{gleaner.folder / 'queue.sqlite'}?mode=ro", uri=True)) as queue:
        return [message for (message,) in queue.execute("SELECT message FROM event WHERE kind = 'source.interrupted'")]


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


def kept_pictures(gleaner, to):
    batch = gleaner.export("labeling", "coco", to)
    return [(batch / sample["file"]).read_bytes() for sample in samples_of(batch)]


def test_pictures_are_kept_to_the_byte_as_the_camera_sent_them(meter, cameras, tmp_path):
    camera = cameras()
    stop(following(meter, f"http://127.0.0.1:{camera.port}/video"))
    pictures = kept_pictures(meter, tmp_path / "out")
    assert pictures and camera.pictures.issuperset(pictures)


def test_pictures_get_the_tables_that_the_camera_left_out(meter, cameras, tmp_path):
    camera = cameras(change=lambda picture, _: without_tables(picture))
    stop(following(meter, f"http://127.0.0.1:{camera.port}/video"))
    pictures = kept_pictures(meter, tmp_path / "out")
    assert pictures and all(without_tables(picture) != picture for picture in pictures)
    assert camera.pictures.issuperset(map(without_tables, pictures))


def test_damaged_pictures_are_counted_and_the_camera_is_followed_on(meter, cameras, tmp_path):
    kinds = [lambda picture: picture, lambda picture: picture[: len(picture) // 2], lambda picture: b"no picture"]
    camera = cameras(change=lambda picture, number: kinds[number % 3](picture))
    process = following(meter, f"http://127.0.0.1:{camera.port}/video")
    wait_for(lambda: any(reason.startswith("picture.") for reason in meter.reasons("dropped")))
    before = offered(meter)
    wait_for(lambda: offered(meter) >= before + 10)
    _, _, message = stop(process)
    assert "no frames" not in message
    meter.conserved()
    pictures = kept_pictures(meter, tmp_path / "out")
    assert pictures and all(picture[-2:] == b"\xff\xd9" for picture in pictures) and camera.pictures.issuperset(pictures)


def test_so_many_frames_a_second_and_no_more(meter, cameras):
    camera = cameras(frames_per_second=50)
    source = f"{{type: http, path: //127.0.0.1:{camera.port}/video, frames_per_second: 5, region: [0, 0, 80, 60]}}"
    begin = time.monotonic()
    process = following(meter, source)
    stop(process)
    assert offered(meter) <= 5 * (time.monotonic() - begin) + 1
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


def kept_of(gleaner):
    """How many samples there are of each source."""
    return Counter(line["sample"]["source"] for line in gleaner.samples().values())


def test_cameras_and_a_folder_share_one_model(meter, cameras, camera):
    count = camera(*(f"meter-digits/images/field/{number:05}.jpg" for number in range(40)))
    barn, yard = cameras(frames_per_second=500), cameras(frames_per_second=500)
    places = {name: f"http://127.0.0.1:{each.port}/video" for name, each in (("barn", barn), ("yard", yard))}
    configure(meter, json.dumps(["folder:camera", *places.values()]))
    process = meter.collecting()
    wait_for(lambda: kept_of(meter)["folder:camera"] == count)
    stop(process)
    kept = kept_of(meter)
    # While the folder had frames, each camera had as many turns.
    assert set(kept) == {"folder:camera", *places.values()}
    assert all(kept[place] >= 0.8 * count for place in places.values()), kept
    barn_count, yard_count = (kept[place] for place in places.values())
    assert 0.8 < barn_count / yard_count < 1.25, kept
    origins = [line["sample"]["origin"] for line in meter.samples().values() if line["sample"]["source"] == "folder:camera"]
    assert len(set(origins)) == count
    # Each is noticed apart: one that is gone, while the other goes on.
    barn.stop()
    process = meter.collecting()
    before = kept_of(meter)[places["yard"]]
    wait_for(lambda: len(interruptions(meter)) == 1 and kept_of(meter)[places["yard"]] > before + 5)
    assert f"127.0.0.1:{barn.port}" in interruptions(meter)[0]
    cameras(port=barn.port)
    before = kept_of(meter)[places["barn"]]
    wait_for(lambda: kept_of(meter)[places["barn"]] > before + 5)
    stop(process)
    assert kept_of(meter)["folder:camera"] == count, "a frame of the folder came twice"
    meter.conserved()


def test_several_folders_end_when_all_have_ended(meter, camera):
    camera(*(f"meter-digits/images/field/{number:05}.jpg" for number in range(30)))
    pictures = sorted((meter.folder / "camera").iterdir())
    for number, picture in enumerate(pictures):
        (meter.folder / "odd").mkdir(exist_ok=True)
        if number % 2:
            picture.rename(meter.folder / "odd" / picture.name)
    meter("run", "--until-end", "--source", f"folder:{meter.folder / 'camera'}", "--source", f"folder:{meter.folder / 'odd'}")
    assert meter.conserved()["frames"]["offered"] == 30
    meter("run", "--until-end", "--source", f"folder:{meter.folder / 'camera'}", "--source", f"folder:{meter.folder / 'odd'}")
    assert meter.conserved()["frames"]["offered"] == 30, "a frame came twice"


def test_sources_that_cannot_take_turns_are_refused(meter):
    configure(meter, "[folder:camera, ingest]")
    meter.fails("run", naming=["source", "ingest", "a deployment of its own"])
    assert "a deployment of its own" in meter.text("check", status=1).stdout


def test_what_is_wrong_with_each_of_several_sources_is_said(meter):
    (meter.folder / "there").mkdir()
    configure(meter, "[folder:there, folder:away, 'v4l2:/dev/video99']")
    said = meter.text("check", status=1).stdout
    assert f"{meter.folder / 'away'} does not exist" in said and "/dev/video99 cannot be used" in said
    findings = meter("doctor", status=1)["findings"]
    assert [each["state"] for each in findings if each["path"] == "source"].count("problem") >= 2
