"""The example trainer and packer: they do what their help says, and what they write is sound."""

import json
import subprocess
import sys
import tarfile

import numpy as np
import onnxruntime
import pytest
from driver import ROOT, Gleaner

RETRAIN = ROOT / "Examples" / "retrain"
sys.path.append(str(RETRAIN))
import network  # noqa: E402
import pack_model  # noqa: E402
import pictures  # noqa: E402
from PIL import Image  # noqa: E402


def run(script, *arguments, status=0):
    done = subprocess.run(
        [sys.executable, RETRAIN / script, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def network_of_8x12():
    return network.Network.fresh(3, 8, 12, 1, np.random.default_rng(5), widths=(2, 3))


def test_gradients_are_the_slopes_of_the_loss(network_of_8x12):
    random = np.random.default_rng(1)
    frames, classes = random.standard_normal((5, 8, 12, 1)).astype("f4"), random.integers(0, 3, 5)
    weights = network_of_8x12.weights
    for name, slope in network_of_8x12.gradients(frames, classes).items():
        kept, step = weights[name].copy(), 1e-3 * slope / np.linalg.norm(slope)
        weights[name] = kept + step
        above = network_of_8x12.loss(frames, classes)
        weights[name] = kept - step
        below = network_of_8x12.loss(frames, classes)
        weights[name] = kept
        assert (above - below) / 2e-3 == pytest.approx(np.linalg.norm(slope), rel=0.02), name


def test_onnx_says_what_numpy_says_and_is_read_back(network_of_8x12, tmp_path):
    path = str(tmp_path / "model.onnx")
    network_of_8x12.to_onnx(path)
    frames = np.random.default_rng(2).standard_normal((4, 8, 12, 1)).astype("f4")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (said,) = session.run(None, {"frames": np.ascontiguousarray(frames.transpose(0, 3, 1, 2))})
    assert np.allclose(said, network_of_8x12.probabilities(frames), atol=1e-6)
    again = network.Network.from_onnx(path)
    assert all((again.weights[name] == weight).all() for name, weight in network_of_8x12.weights.items())


def test_new_classes_leave_the_old_ones_order(network_of_8x12):
    frames = np.random.default_rng(3).standard_normal((20, 8, 12, 1)).astype("f4")
    before = network_of_8x12.probabilities(frames)
    network_of_8x12.add_classes(2, np.random.default_rng(4))
    after = network_of_8x12.probabilities(frames)
    assert after.shape == (20, 5)
    assert (after[:, :3].argsort(axis=1) == before.argsort(axis=1)).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_png_is_read_as_pillow_reads_it(tmp_path, mode):
    noise = np.random.default_rng(6).integers(0, 256, (9, 13, 4), dtype="u1")
    noise[:, :, :3] = noise[:, :, :3] // 16 + np.arange(13)[None, :, None] * 12  # smooth, so that all row filters occur
    picture = Image.fromarray(noise).convert(mode)
    picture.save(tmp_path / "a.png")
    assert (pictures.read_rgb(tmp_path / "a.png") == np.asarray(picture.convert("RGB"))).all()


def test_png_is_written_as_pillow_reads_it(tmp_path):
    for shape in ((7, 5), (7, 5, 3)):
        pixels = np.random.default_rng(7).integers(0, 256, shape, dtype="u1")
        pictures.write_png(tmp_path / "b.png", pixels)
        assert (np.asarray(Image.open(tmp_path / "b.png")) == pixels).all()


def test_a_damaged_png_is_an_error(tmp_path):
    data = pictures.encode_png(np.zeros((8, 8, 3), "u1"))
    (tmp_path / "c.png").write_bytes(data[:-20])
    with pytest.raises(pictures.PictureError, match="c.png"):
        pictures.read_rgb(tmp_path / "c.png")


def training_set(folder, count, classes="ab", splits=("train", "train", "train", "val", "test"), random=None):
    """Frames of 8x8 whose class is the half that is bright."""
    random = random or np.random.default_rng(8)
    (folder / "frames").mkdir(parents=True)
    lines = []
    for number in range(count):
        at = number % len(classes)
        pixels = random.integers(0, 60, (8, 8, 3), dtype="u1")
        pixels[:, at * 8 // len(classes) : (at + 1) * 8 // len(classes)] += 150
        pictures.write_png(folder / "frames" / f"{number}.png", pixels)
        label = {"kind": "class", "class": classes[at]}
        split = splits[number // len(classes) % len(splits)]
        lines.append({"id": f"{folder.name}-{number}", "file": f"frames/{number}.png", "split": split, "label": label})
    (folder / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_a_trained_model_is_trained_on_and_learns_a_new_class(binary, tmp_path):
    first = training_set(tmp_path / "first", 120)
    said = run("retrain.py", first, "--to", tmp_path / "one", "--name", "halves", "--size", "8x8", "--epochs", 12)
    assert "seed 1;" in said and "24 untouched" in said
    second = training_set(tmp_path / "second", 90, classes="abc")
    (second / "manifest.json").write_text("{}")
    run("retrain.py", second, "--base", tmp_path / "one", "--base-set", first, "--to", tmp_path / "two.tar", "--epochs", 12)
    with tarfile.open(tmp_path / "two.tar") as archive:
        manifest = json.load(archive.extractfile("model.json"))
    assert (manifest["labels"], manifest["version"], len(manifest["trained_on"])) == (["a", "b", "c"], 2, 1)

    # Gleaner takes both, one after the other.
    station = Gleaner(binary, tmp_path / "station")
    station("init", station.folder)
    station("model", "import", tmp_path / "one")
    assert station("model", "import", tmp_path / "two.tar")["labels"] == ["a", "b", "c"]


def test_samples_for_testing_are_never_trained_on(tmp_path):
    good = training_set(tmp_path / "good", 60, splits=("train", "val"))
    mixed = training_set(tmp_path / "mixed", 60, splits=("train", "val"))
    lines = (mixed / "samples.jsonl").read_text().splitlines()
    wrong = [json.dumps(json.loads(line) | {"id": f"t{at}", "split": "test", "label": {"kind": "class", "class": "z"}}) for at, line in enumerate(lines)]
    (mixed / "samples.jsonl").write_text("\n".join(lines + wrong) + "\n")
    flags = ["--name", "halves", "--size", "8x8", "--epochs", 3]
    run("retrain.py", good, "--to", tmp_path / "a", *flags)
    run("retrain.py", mixed, "--to", tmp_path / "b", *flags)
    assert (tmp_path / "a/model.onnx").read_bytes() == (tmp_path / "b/model.onnx").read_bytes()


@pytest.mark.parametrize(("damage", "naming"), [
    (lambda folder: (folder / "samples.jsonl").unlink(), "no batch"),
    (lambda folder: (folder / "samples.jsonl").write_text("{\n"), "line 1"),
    (lambda folder: (folder / "frames/0.png").unlink(), "missing"),
    (lambda folder: (folder / "samples.jsonl").write_text(""), "too few"),
])
def test_a_bad_batch_is_an_error(tmp_path, damage, naming):
    folder = training_set(tmp_path / "batch", 10)
    damage(folder)
    said = run("retrain.py", folder, "--to", tmp_path / "out", "--name", "x", "--size", "8x8", status=1)
    assert naming in said
    assert not (tmp_path / "out").exists()


GOOD = {"name": "m", "version": 1, "task": "classification", "labels": ["a", "b"], "width": 8, "height": 8, "decoder": "classification"}


@pytest.mark.parametrize(("changes", "naming"), [
    ({"name": "no/slash"}, "no/slash"), ({"version": 0}, "version"), ({"labels": []}, "labels"), ({"labels": ["a", "a"]}, "twice"),
    ({"labels": ["a", " b"]}, "blanks"), ({"width": 0}, "0x8"), ({"layout": "CHWN"}, "CHWN"), ({"std": [0.0]}, "zero"),
    ({"mean": [1, 2]}, "mean"), ({"color": "GRAY", "std": [1, 1, 1]}, "std"), ({"trained_on": ["x"]}, "batch id"),
    ({"decoder": "Soft Max"}, "Soft Max"), ({"pad_value": 300}, "300"),
])
def test_packing_refuses_what_makes_no_sense(changes, naming):
    with pytest.raises(pack_model.PackError, match=naming):
        pack_model.manifest_for(b"model", **{**GOOD, **changes})


def test_packing_never_overwrites(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(pack_model.PackError, match="exists"):
        pack_model.write_bundle(str(tmp_path / "there"), pack_model.manifest_for(b"model", **GOOD), b"model")


def test_packing_from_the_command_line(binary, data, tmp_path):
    model = data / "models" / "meter-digits-v1" / "model.onnx"
    run("pack_model.py", model, "--to", tmp_path / "m.tar", "--name", "meter", "--version", 3, "--task", "classification",
        "--labels", "0,1,2,3,4,5,6,7,8,9", "--size", "20x32", "--layout", "NHWC", "--decoder", "classification")
    station = Gleaner(binary, tmp_path / "station")
    station("init", station.folder)
    assert station("model", "import", tmp_path / "m.tar")["model"]["version"] == 3


@pytest.mark.parametrize("script", ["retrain.py", "pack_model.py"])
def test_help_has_an_example(script):
    assert f"{script} " in run(script, "--help")
