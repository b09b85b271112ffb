"""Bad input gives a clear error and loses nothing."""

import json
import os
import subprocess
import tarfile

import pytest
from driver import stop, write_configuration
from hostile import changed_bundle, entry, in_mounts, png_header, tar

GOOD = [f"meter-digits/images/field/{number:05}.jpg" for number in range(20)]


@pytest.fixture
def unharmed(meter, camera):
    """A deployment that has collected; afterwards it must be exactly what it was, and go on."""
    write_configuration(meter.folder, "source: folder:camera\nselection: {budget: {share: 0.5}}\n")
    camera(*GOOD[:10])
    meter("run", "--until-end")
    before, samples = meter.conserved(), meter.samples()
    yield meter
    after = meter.conserved()
    for part in ("model", "frames", "queue", "problems"):
        assert after[part] == before[part]
    assert meter.samples() == samples
    assert [path.name for path in (meter.folder / "models").iterdir() if path.name.startswith(".")] == []
    camera(*GOOD[10:])
    meter("run", "--until-end")
    assert meter.conserved()["frames"]["offered"] == len(GOOD)


# Models


def spec(bundle, **changes):
    return json.loads((bundle / "model.json").read_text())["input"] | changes


def with_model(bundle, to, data):
    import hashlib

    changed_bundle(bundle, to, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    (to / "model.onnx").write_bytes(data)
    return to


MODELS = {
    "a corrupt model": (lambda good, to: with_model(good, to, b"\x08\x07" + bytes(range(256)) * 40), ["meter-digits@2", "ONNX"]),
    "an empty model": (lambda good, to: with_model(good, to, b""), ["model"]),
    "a cut model": (lambda good, to: with_model(good, to, (good / "model.onnx").read_bytes()[:100_000]), ["meter-digits@2", "ONNX"]),
    "another model than the manifest's": (lambda good, to: changed_bundle(good, to, sha256="0" * 64), ["sha"]),
    "a wrong shape": (lambda good, to: changed_bundle(good, to, input=spec(good, width=28, height=28)), ["28", "32"]),
    "a wrong layout": (lambda good, to: changed_bundle(good, to, input=spec(good, layout="NCHW")), ["3", "32"]),
    "a wrong type": (lambda good, to: changed_bundle(good, to, input=spec(good, type="uint8")), ["uint8", "float"]),
    "too few labels": (lambda good, to: changed_bundle(good, to, labels=["0", "1"]), ["does not know 8 classes"]),
    "an unknown decoder": (lambda good, to: changed_bundle(good, to, decoder={"name": "fastestdett"}), ["fastestdet"]),
    "an unknown decoder option": (
        lambda good, to: changed_bundle(good, to, decoder={"name": "classification", "activations": "logits"}),
        ["activation"],
    ),
    "a manifest that lacks its task": (lambda good, to: changed_bundle(good, to, task=None), ["task"]),
    "another task": (lambda good, to: changed_bundle(good, to, task="detection"), []),
    "a file outside the bundle": (lambda good, to: changed_bundle(good, to, file="../model.onnx"), ["model.json", "file", "plain name"]),
    "no bundle at all": (lambda good, to: to, ["missing"]),
    "a tar that climbs out": (lambda good, to: tar(to, good, [(entry("../evil"), b"evil")]), ["../evil"]),
    "a tar with an absolute name": (lambda good, to: tar(to, good, [(entry("/tmp/gleaner-evil"), b"evil")]), ["/tmp/gleaner-evil"]),
    "a tar with a symbolic link": (
        lambda good, to: tar(to, good, [(entry("link", tarfile.SYMTYPE, "/etc/passwd"), b"")]), ["link"]),
    "a tar with a hard link": (lambda good, to: tar(to, good, [(entry("hard", tarfile.LNKTYPE, "model.onnx"), b"")]), ["hard"]),
    "a tar with a device": (lambda good, to: tar(to, good, [(entry("device", tarfile.CHRTYPE), b"")]), ["device"]),
    "a tar without its model": (lambda good, to: tar(to, good, names=["model.json"]), ["model.onnx"]),
    "a tar with a file twice": (
        lambda good, to: tar(to, good, names=["model.json", "model.onnx", "model.json"]), ["model.json"]),
    "a truncated tar": (lambda good, to: truncate(tar(to, good)), []),
}


def truncate(path):
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size // 2)
    return path


@pytest.mark.parametrize("name", MODELS)
def test_a_bad_bundle_is_refused(unharmed, meter_bundles, tmp_path, name):
    make, naming = MODELS[name]
    inner = tmp_path / "inner"
    inner.mkdir()
    path = make(meter_bundles[2], inner / ("missing.tar" if "tar" in name or "no bundle" in name else "missing"))
    unharmed.fails("model", "import", path, naming=naming)
    unharmed.fails("model", "verify", path, naming=naming)
    # Of what could be read it is written down that it was not let in.
    assert sum(line["state"] != "rejected" for line in unharmed("model", "list")["models"]) == 1
    assert not (inner / "evil").exists() and not (tmp_path / "evil").exists() and not os.path.lexists("/tmp/gleaner-evil")


# Pictures


def test_bad_pictures_are_counted_and_the_run_goes_on(meter, camera, data):
    write_configuration(meter.folder, "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\n")
    good = (data / GOOD[0]).read_bytes()
    folder = meter.folder / "camera"
    bad = {
        "cut.jpg": good[: len(good) // 2],
        "header-only.jpg": good[:20],
        "mangled.jpg": good[:2] + bytes(b ^ 0x5A for b in good[2:]),
        "cut.png": png_header(64, 64),
        "mangled.png": b"\x89PNG\r\n\x1a\n" + bytes(range(200)),
        "huge.png": png_header(1_000_000, 1_000_000),
        "wide.png": png_header(2**31 - 1, 1),
        "none.png": png_header(0, 0),
        "empty.jpg": b"",
        "text.png": b"this is no picture\n",
    }
    for name, content in bad.items():
        (folder / name).write_bytes(content)
    camera(*GOOD)
    progress = meter("run", "--until-end")
    frames = meter.conserved()["frames"]
    assert frames["offered"] == len(GOOD) + len(bad) == progress["offered"]
    assert (frames["stored"], frames["dropped"]) == (len(GOOD), len(bad))
    assert sum(meter.reasons("dropped").values()) == len(bad)
    # They are not looked at again.
    assert meter("run", "--until-end")["offered"] == 0


def test_a_source_that_is_not_there_is_an_error(unharmed):
    unharmed.fails("run", "--until-end", "--source", "folder:/nowhere/at/all", naming=["/nowhere/at/all"])
    unharmed.fails("run", "--until-end", "--source", f"folder:{unharmed.folder}/gleaner.yaml", naming=["gleaner.yaml"])
    unharmed.fails("run", "--until-end", "--source", "camera", naming=["folder:PATH"])
    unharmed.fails("run", "--until-end", "--source", "fodler:camera", naming=["folder"])


def test_an_unreadable_folder_is_an_error(unharmed, tmp_path):
    folder = tmp_path / "secret"
    folder.mkdir(mode=0)
    # Root may read every folder; without these two rights it is as anybody else.
    as_anybody = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = unharmed.command("run", "--until-end", "--source", f"folder:{folder}")
    done = subprocess.run([*as_anybody, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "secret cannot be read" in done.stderr and "let Gleaner's user read" in done.stderr, done.stderr


# Labels


def labels(path, lines):
    path.write_text("id,label\n" + "".join(f"{line}\n" for line in lines))
    return path


def test_labels_that_cannot_be_true_are_refused_one_by_one(meter, camera, tmp_path):
    write_configuration(meter.folder, "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\n")
    camera(*GOOD)
    meter("run", "--until-end")
    ids = sorted(meter.samples())
    path = labels(tmp_path / "labels.csv", [
        f"{ids[0]},3",
        "0000000000000000-r1x0000000000000000-1,3",
        "../../etc/passwd,3",
        f"{ids[1]},eleven",
        f"{ids[2]},\"[{{\"\"label\"\":\"\"3\"\",\"\"box\"\":{{\"\"x\"\":1,\"\"y\"\":1,\"\"width\"\":5,\"\"height\"\":5}}}}]\"",
        f"{ids[3]},\"[{{\"\"label\"\":\"\"3\"\",\"\"box\"\":{{\"\"x\"\":NaN,\"\"y\"\":1,\"\"width\"\":5,\"\"height\"\":5}}}}]\"",
        f"{ids[4]}",
        f"{ids[5]},",
        f"{ids[6]},unusable",
    ])
    report = meter("label", "import", path, "--format", "csv")
    assert report["applied"] == 2
    assert len(report["rejected"]) == 6
    assert {each["place"] for each in report["rejected"]} == {f"line {number}" for number in (3, 4, 5, 6, 7, 8)}
    queue = meter.conserved()["queue"]
    assert (queue["labeled"], queue["unusable"]) == (1, 1)


@pytest.mark.parametrize("box", [
    {"x": float("nan"), "y": 0, "width": 10, "height": 10}, {"x": 0, "y": 0, "width": -10, "height": 10},
    {"x": 0, "y": 0, "width": 0, "height": 10}, {"x": 90, "y": 0, "width": 50, "height": 10},
    {"x": 1e308, "y": 0, "width": 1e308, "height": 10},
])
def test_nonsense_boxes_are_refused(detector, camera, tmp_path, box):
    write_configuration(detector.folder, "source: folder:camera\nselection: {budget: {share: 1}, deduplicate: false}\n")
    camera("models/pictures/dog.jpg")
    detector("run", "--until-end")
    (id,) = detector.samples()
    value = {**box, "rotation": 0, "rectanglelabels": ["dog"]}
    result = [{"from_name": "label", "to_name": "image", "type": "rectanglelabels", "value": value}]
    task = {"id": 7, "data": {"sample_id": id}, "annotations": [{"id": 1, "result": result, "was_cancelled": False}]}
    path = tmp_path / "annotated.json"
    path.write_text(json.dumps([task]))
    report = detector("label", "import", path, "--format", "label-studio")
    assert report["applied"] == 0 and len(report["rejected"]) == 1
    assert detector.conserved()["queue"]["labeled"] == 0


@pytest.mark.parametrize(("format", "content", "naming"), [
    ("csv", "", ["labels"]),
    ("csv", "picture,answer\na,b\n", ["label"]),
    ("label-studio", "[{", ["labels"]),
    ("label-studio", "\x00\x01\x02", ["labels"]),
    ("coco", "[]", ["labels"]),
    ("coc", "{}", ["coco"]),
])
def test_a_label_file_that_cannot_be_read_changes_nothing(unharmed, tmp_path, format, content, naming):
    path = tmp_path / "labels"
    path.write_text(content)
    unharmed.fails("label", "import", path, "--format", format, naming=naming)


def test_a_hand_given_label_must_be_known(unharmed):
    unharmed.fails("label", "set", "99-99", "3", naming=["99-99"])
    some = next(iter(unharmed.samples().values()))["short"]
    unharmed.fails("label", "set", some, "eleven", naming=["eleven"])


# Configuration


@pytest.mark.parametrize(("yaml", "naming"), [
    ("sorce: folder:camera\n", ["sorce", "source"]),
    ("source: folder:camera\nselection: {bugdet: {share: 0.1}}\n", ["bugdet", "budget"]),
    ("source: folder:camera\nselection: {budget: {share: lots}}\n", ["share"]),
    ("source: folder:camera\nselection: {budget: {share: 3}}\n", ["share"]),
    ("source: folder:camera\nselection: {deduplicate: 4}\n", ["deduplicate"]),
    ("source: folder:camera\nselection: {strategies: [margn]}\n", ["margn", "margin"]),
    ("source: folder:camera\nstorage: {quota: 2 gigs}\n", ["quota"]),
    ("source: folder:camera\nstorage: {quota: 99999999999999999999 GiB}\n", ["quota"]),
    ("source: folder:camera\nstorage: {quota: -1}\n", ["quota"]),
    ("source: [1, 2\n", ["gleaner.yaml"]),
    ("- a\n- list\n", []),
    ("a: &a [*a, *a]\n", []),
    ("\x00", ["gleaner.yaml"]),
])
def test_a_configuration_with_a_mistake_is_refused(gleaner, yaml, naming):
    (gleaner.folder / "gleaner.yaml").write_text(yaml)
    gleaner.fails("status", naming=naming)
    gleaner.fails("run", "--until-end", naming=naming)
    found = json.loads(gleaner.text("check", "--json", status=1).stdout)["problems"]
    assert found and all(problem["remedy"] or problem["message"] for problem in found)
    assert not (gleaner.folder / "queue.sqlite").exists()


def test_check_lists_all_mistakes_at_once(gleaner):
    (gleaner.folder / "gleaner.yaml").write_text("sorce: a\nselection: {bugdet: 1, deduplicate: 4}\nstorage: {quota: x}\n")
    problems = gleaner.text("check", "--json", status=1)
    assert len(json.loads(problems.stdout)["problems"]) >= 4


# Commands


@pytest.mark.parametrize("arguments", [
    ["collect"], ["export", "--to", "x"], ["export", "--for", "fun", "--format", "coco", "--to", "x"],
    ["export", "--for", "labeling", "--format", "coco", "--to", "x", "--limit", "0"], ["run", "--until-then"],
    ["label", "import", "x"], ["model"],
])
def test_wrong_usage_ends_with_64(binary, tmp_path, arguments):
    from driver import Gleaner

    expected = 0 if arguments == ["model"] else 64
    import subprocess

    done = subprocess.run([str(binary), *arguments], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == expected, done.stderr
    assert Gleaner and "Fatal error" not in done.stderr


def test_what_is_no_deployment_is_an_error(binary, tmp_path):
    from driver import Gleaner

    nowhere = Gleaner(binary, tmp_path)
    for arguments in (["status"], ["run", "--until-end"], ["report"], ["sample", "list"], ["model", "list"]):
        nowhere.fails(*arguments, naming=["gleaner init"])
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_named(unharmed, tmp_path):
    unharmed.fails("export", "--for", "labeling", "--format", "cocoo", "--to", tmp_path / "out", naming=["cocoo", "coco"])
    assert unharmed("export", "--for", "training", "--format", "coco", "--to", tmp_path / "out")["batches"] == []


def test_a_second_collector_is_refused(unharmed):
    first = unharmed.collecting()
    try:
        unharmed.fails("run", "--until-end", naming=[first.pid])
        assert first.poll() is None
    finally:
        status, _, errors = stop(first)
    assert status == 0, errors
    assert "collector" not in unharmed("status")


def test_a_deployment_of_one_letter_is_fine(binary, tmp_path):
    subprocess.run([binary, "init", "s"], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run([binary, "status", "-C", "s"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "not running" in done.stdout, done.stderr


# Disks


def test_a_read_only_deployment_is_an_error(unharmed):
    folder = str(unharmed.folder)
    read_only = [f"mount --bind '{folder}' '{folder}'", f"mount -o remount,bind,ro '{folder}'"]
    for arguments in (["run", "--until-end"], ["label", "set", "1-1", "3"]):
        done = in_mounts(unharmed.command(*arguments), read_only)
        assert done.returncode == 1, done.stderr
        assert "writ" in done.stderr and "Fatal error" not in done.stderr, done.stderr


def test_a_full_disk_loses_nothing_that_was_stored(binary, data, meter_bundles, tmp_path):
    script = tmp_path / "fill.sh"
    disk = tmp_path / "disk"
    disk.mkdir()
    # A volume of 12 MiB on which someone else's file leaves next to nothing; then that file is gone again.
    script.write_text(f"""
        set -e
        g() {{ '{binary}' "$@"; }}
        g init '{disk}/station' >/dev/null
        printf 'source: folder:{data}/meter-digits/images/field\\nselection: {{budget: {{share: 1}}, deduplicate: false}}\\nstorage: {{quota: 64 MiB, keep_free: 0}}\\n' >'{disk}/station/gleaner.yaml'
        g model import '{meter_bundles[1]}' -C '{disk}/station' >/dev/null
        (timeout -s TERM 1 '{binary}' run -C '{disk}/station' >/dev/null) || true
        g sample list -C '{disk}/station' --limit 1000000 --json >'{tmp_path}/before.json'
        dd if=/dev/zero of='{disk}/other' bs=64k >/dev/null 2>&1 || true
        set +e
        g run --until-end -C '{disk}/station' 2>'{tmp_path}/error.txt' >/dev/null; echo $? >'{tmp_path}/status'
        rm '{disk}/other'
        set -e
        g sample list -C '{disk}/station' --limit 1000000 --json >'{tmp_path}/after.json'
        g status -C '{disk}/station' --json >'{tmp_path}/status.json'
    """)
    done = in_mounts(["bash", str(script)], [f"mount -t tmpfs -o size=12m tmpfs '{disk}'"], timeout=300)
    assert done.returncode == 0, done.stderr
    before = {line["sample"]["id"] for line in json.loads((tmp_path / "before.json").read_text())["samples"]}
    after = {line["sample"]["id"] for line in json.loads((tmp_path / "after.json").read_text())["samples"]}
    assert before and before <= after
    frames = json.loads((tmp_path / "status.json").read_text())["frames"]
    assert frames["offered"] == frames["stored"] + frames["rejected"] + frames["dropped"]
    error = (tmp_path / "error.txt").read_text()
    assert "Fatal error" not in error
    # Either it counted frames as dropped for want of room, or it stopped and said why.
    assert (tmp_path / "status").read_text().strip() == "0" and frames["dropped"] > 0 or "space" in error or "full" in error, error
