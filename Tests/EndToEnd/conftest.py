"""What the end-to-end tests stand on: the built command, a fresh deployment, the shared pictures and models."""

import os
import shutil
from pathlib import Path

import bundles
import pytest
from badmodels import corpus, stub
from driver import ROOT, Gleaner, write_configuration
from labelstudio import LabelStudio


@pytest.fixture(scope="session")
def binary():
    """The gleaner command, as `Tests/run.sh` built it."""
    path = os.environ.get("GLEANER_BIN")
    if not path:
        pytest.fail("GLEANER_BIN does not name the gleaner command: run the tests with Tests/run.sh")
    return Path(path)


@pytest.fixture(scope="session")
def data():
    """The shared pictures and models; without them tests are skipped, and fail where CI is set."""
    folder = ROOT.parent / "shared" / "data"
    if not (folder / "models").is_dir():
        complain = pytest.fail if os.environ.get("CI") else pytest.skip
        complain(f"needs the shared pictures and models at {folder}")
    return folder


@pytest.fixture
def gleaner(binary, tmp_path):
    """A fresh deployment whose source is the folder `camera` in it."""
    deployment = Gleaner(binary, tmp_path / "station")
    deployment("init", deployment.folder)
    (deployment.folder / "camera").mkdir()
    return deployment


@pytest.fixture(scope="session")
def meter_bundles(data, tmp_path_factory):
    """Bundles of the two versions of the meter model, by version."""
    folder = tmp_path_factory.mktemp("bundles")
    return {version: bundles.make(data / "models" / f"meter-digits-v{version}", folder / f"v{version}") for version in (1, 2)}


@pytest.fixture
def meter(gleaner, meter_bundles):
    """A deployment that reads meters with version 1."""
    gleaner("model", "import", meter_bundles[1])
    return gleaner


@pytest.fixture
def detector(gleaner, data, tmp_path):
    """A deployment that finds objects with FastestDet."""
    gleaner("model", "import", bundles.make(data / "models" / "fastestdet-coco-352", tmp_path / "fastestdet.tar"))
    return gleaner


@pytest.fixture(scope="session")
def meter_truth(data):
    """Rows of the meter's labels.csv by split."""
    import csv

    truth = {}
    with open(data / "meter-digits" / "labels.csv", newline="") as file:
        for row in csv.DictReader(file):
            truth.setdefault(row["split"], []).append(row)
    return truth


@pytest.fixture
def camera(gleaner, data):
    """Puts pictures of the shared data into the source; a name or a whole list."""

    def put(*names, prefix=""):
        for name in names:
            source = data / name
            target = gleaner.folder / "camera" / (prefix + source.name)
            # Whole at once, as a camera's recorder does it: written elsewhere, then renamed in.
            partial = gleaner.folder / f".{target.name}.partial"
            shutil.copy(source, partial)
            partial.rename(target)
        return len(names)

    return put


@pytest.fixture
def label_studio(tmp_path):
    """Starts the server on a document root; stops it after the test."""
    command = os.environ.get("LABEL_STUDIO_BIN")
    if not command:
        pytest.skip("LABEL_STUDIO_BIN is not set: this is a quick run")
    servers = []

    def start(document_root):
        template = Path(os.environ["LABEL_STUDIO_TEMPLATE"])
        servers.append(LabelStudio(command, template, tmp_path / "label-studio", document_root))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def stub_runtime(tmp_path_factory):
    """An ONNX Runtime whose models can be told to misbehave; see badmodels/stub_runtime.c."""
    return stub.build(tmp_path_factory.mktemp("stub"))


# Every frame is kept, by the audit coin, so that labels of all of them may speak for or against a model; and a model
# is soon said to hang.
PARTS_CONFIGURATION = """
        source: folder:camera
        selection: {budget: {share: 1}, deduplicate: false, audit_share: 1}
        models: {proof: {load_seconds_max: 5, frame_seconds_max: 2}}
"""


@pytest.fixture
def parts(gleaner, stub_runtime, monkeypatch, tmp_path):
    """A deployment that runs on the stub and keeps every frame; the good model of the corpus serves."""
    monkeypatch.setenv("GLEANER_ONNXRUNTIME", str(stub_runtime))
    monkeypatch.setenv("GLEANER_STUB_LOG", str(tmp_path / "misbehaviour.log"))
    write_configuration(gleaner.folder, PARTS_CONFIGURATION)
    gleaner("model", "import", corpus.bundle(corpus.good(corpus.ACTIVE), tmp_path / "active", corpus.ACTIVE))
    return gleaner
