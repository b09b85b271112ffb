"""A video as the source: every frame once, kept ones as pictures."""

import io

from driver import kill, samples_of, write_configuration
from PIL import Image

VIDEO = "detection/video/bottle-detection.mp4"
FRAME_COUNT = 1189


def configure(gleaner, source, selection="{budget: {share: 5 %}}"):
    write_configuration(gleaner.folder, f"source: {source}\nselection: {selection}\n")


def test_every_frame_is_offered_and_what_is_kept_leaves_as_pictures(detector, data, tmp_path):
    configure(detector, f"video:{data / VIDEO}")
    detector("run", "--until-end")
    assert detector.conserved()["frames"]["offered"] == FRAME_COUNT
    batch = detector.export("labeling", "coco", tmp_path / "out")
    samples = samples_of(batch)
    assert samples
    for sample in samples:
        assert 1 <= int(sample["origin"]) <= FRAME_COUNT
        assert (sample["encoding"], sample["width"], sample["height"]) == ("jpeg", 640, 360)
        picture = Image.open(io.BytesIO((batch / sample["file"]).read_bytes()))
        assert (picture.format, picture.size) == ("JPEG", (640, 360))


def test_after_a_kill_it_goes_on_where_it_was(detector, data):
    configure(detector, f"video:{data / VIDEO}")
    process = detector.collecting("--until-end")
    while detector("status")["frames"]["offered"] < 200:
        assert process.poll() is None
    kill(process)
    before = detector("status")["frames"]["offered"]
    assert before < FRAME_COUNT
    detector("run", "--until-end")
    assert detector.conserved()["frames"]["offered"] == FRAME_COUNT
    origins = [sample["sample"]["origin"] for sample in detector.samples().values()]
    assert len(origins) == len(set(origins))


def test_a_rate_a_region_and_an_encoding(detector, data, tmp_path):
    source = f"{{type: video, path: {data / VIDEO}, frames_per_second: 2, region: [100, 40, 320, 300], encoding: png}}"
    configure(detector, source, "{budget: {share: 1}, deduplicate: false}")
    detector("run", "--until-end")
    frames = detector.conserved()["frames"]
    # 1,189 frames, 30 a second.
    assert frames["offered"] == 80
    for sample in samples_of(detector.export("labeling", "coco", tmp_path / "out")):
        assert (sample["encoding"], sample["width"], sample["height"]) == ("png", 320, 300)


def test_a_machine_without_ffmpeg_collects_pictures_and_says_what_videos_need(detector, data, tmp_path, monkeypatch):
    folder = tmp_path / "libraries"
    folder.mkdir()
    for name in ("avformat", "avcodec", "avutil", "swscale"):
        for major in range(5, 70):
            (folder / f"lib{name}.so.{major}").write_text("no library")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    pictures = tmp_path / "camera"
    pictures.mkdir()
    Image.new("RGB", (64, 48)).save(pictures / "one.png")
    configure(detector, f"folder:{pictures}")
    detector("run", "--until-end")
    assert detector.conserved()["frames"]["offered"] == 1
    for source in (f"video:{data / VIDEO}", "rtsp://127.0.0.1:1/camera"):
        configure(detector, source)
        detector.fails("run", "--until-end", naming=["libavformat.so.", "apt-get install libavformat"])


def test_what_cannot_be_a_video_is_said(detector, tmp_path):
    (tmp_path / "notes.mp4").write_text("no video")
    configure(detector, f"video:{tmp_path / 'notes.mp4'}")
    detector.fails("run", "--until-end", naming=["notes.mp4"])
    configure(detector, f"video:{tmp_path / 'none.mp4'}")
    detector.fails("run", "--until-end", naming=["none.mp4"])
    configure(detector, f"{{type: video, path: {tmp_path / 'none.mp4'}, region: [1, 2, 3]}}")
    detector.fails("run", "--until-end", naming=["four numbers"])
