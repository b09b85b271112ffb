"""What models run on: another provider says what the processor says, and one that does not start is made up for."""

import os

import pytest
from driver import write_configuration


@pytest.fixture
def openvino(monkeypatch):
    """An ONNX Runtime with OpenVINO, which runs on the processor too."""
    if not (library := os.environ.get("GLEANER_OPENVINO")):
        pytest.skip("GLEANER_OPENVINO names no ONNX Runtime with OpenVINO; Tests/run.sh gets one")
    monkeypatch.setenv("GLEANER_ONNXRUNTIME", library)


def configure(meter, pictures, providers):
    write_configuration(
        meter.folder,
        f"source: folder:{pictures}\nselection: {{budget: {{share: 1}}, deduplicate: false}}\n"
        f"inference: {{providers: [{providers}], threads: 1}}\n",
    )


def kept(meter):
    """What was said of each picture, by its name."""
    return {
        each["sample"]["origin"]: {line["label"]: line["score"] for line in each["sample"]["prediction"]["classes"]}
        for each in meter.samples().values()
    }


@pytest.fixture
def pictures(data, meter_truth, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for row in meter_truth["field"][:40]:
        path = data / "meter-digits" / row["file"]
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_openvino_says_what_the_processor_says(openvino, meter, pictures):
    configure(meter, pictures, "cpu")
    meter("run", "--until-end")
    expected = kept(meter)
    assert len(expected) == 40
    (pictures / "again").mkdir()
    for path in pictures.glob("*.*"):
        path.rename(pictures / "again" / path.name)
    configure(meter, pictures, "openvino, cpu")
    meter("check")
    assert "instead" not in meter.text("run", "--until-end").stderr
    found = {name.removeprefix("again/"): classes for name, classes in kept(meter).items() if name.startswith("again/")}
    assert found.keys() == expected.keys()
    for name, classes in found.items():
        for label, score in classes.items():
            assert abs(score - expected[name].get(label, 0)) < 0.002, (name, label)


def test_the_processor_makes_up_for_a_provider_that_is_not_there_and_says_so(meter, pictures):
    configure(meter, pictures, "cuda, cpu")
    message = meter.text("run", "--until-end").stderr
    assert "has no provider 'cuda'" in message and "the model runs on cpu instead" in message
    assert meter.conserved()["frames"]["offered"] == 40
    (problem,) = meter("check", status=1)["problems"]
    assert problem["path"] == "inference.providers" and "instead" in problem["message"]


def test_a_provider_alone_has_to_be_there(meter, pictures):
    configure(meter, pictures, "cuda")
    meter.fails("run", "--until-end", naming=["'cuda'", "cpu"])
    configure(meter, pictures, "opnevino, cpu")
    meter.fails("run", "--until-end", naming=["'opnevino'"])
