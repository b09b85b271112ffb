"""Everything that Gleaner writes is what Schemas/ says, and the schemas themselves are sound."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from driver import OUTPUT_SCHEMAS, SCHEMAS, validator, write_configuration

DOCUMENTS = {"configuration", "model-bundle", "model-signature", "batch-manifest", "sample", "label", "ingest-frame", "ingest-answer", "ingest-error", *OUTPUT_SCHEMAS.values()}


def check_jsonschema(*arguments):
    tool = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_document_has_a_schema_and_every_schema_is_sound():
    present = {path.name.removesuffix(".schema.json") for path in SCHEMAS.glob("*.schema.json")}
    assert present >= DOCUMENTS, f"missing: {sorted(DOCUMENTS - present)}"
    check_jsonschema("--check-metaschema", *sorted(SCHEMAS.glob("*.schema.json")))


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_schema_refuses_what_it_does_not_know(name):
    assert not validator(name).is_valid({"nonsense": True}), "an unknown key is taken for granted"
    assert not validator(name).is_valid([]) and not validator(name).is_valid("text")


def test_every_command_prints_what_its_schema_says(meter, camera, meter_bundles, tmp_path):
    """The driver holds every document against its schema; this one gives each command something to say."""
    write_configuration(meter.folder, "source: folder:camera\nselection: {budget: {share: 0.8}}\n")
    camera(*(f"meter-digits/images/field/{number:05}.jpg" for number in range(30)))
    meter("run", "--until-end")
    first, second, *_ = [line["short"] for line in meter.samples().values()]
    meter("sample", "show", first)
    meter("sample", "keep", first)
    meter("sample", "drop", second)
    meter("sample", "sheet", "--to", tmp_path / "sheet.png")
    meter("label", "set", first, "3")
    (tmp_path / "labels.csv").write_text("id,label\nnobody,3\n")
    assert len(meter("label", "import", tmp_path / "labels.csv", "--format", "csv")["rejected"]) == 1
    meter("model", "verify", meter_bundles[2])
    meter("model", "import", meter_bundles[2], "--stage")
    meter("model", "activate", "meter-digits@2")
    meter("model", "rollback")
    meter("model", "list")
    bundle = meter_bundles[2]
    meter("model", "pack", bundle / "model.onnx", "--manifest", bundle / "model.json", "--to", tmp_path / "packed.tar")
    key = meter("model", "keygen", "orchard", "--to", tmp_path)
    meter("model", "sign", tmp_path / "packed.tar", "--key", key["private_file"], "--expires", "2099-01-01")
    meter("model", "verify", tmp_path / "packed.tar", "--trust", key["key"])
    meter("report")
    meter("bench", "--frames", 10)
    meter("replay")
    meter("lineage", first)
    meter("lineage", "meter-digits@2")
    meter("components")
    meter("check")
    meter.conserved()


def test_batches_bundles_and_configurations_are_what_their_schemas_say(meter, camera, meter_bundles, tmp_path):
    write_configuration(meter.folder, "source: folder:camera\nselection: {budget: {share: 0.8}}\n")
    camera(*(f"meter-digits/images/field/{number:05}.jpg" for number in range(30)))
    meter("run", "--until-end")
    for line in list(meter.samples().values())[:5]:
        meter("label", "set", line["short"], "unusable" if line["short"].endswith("7") else "3")
    for purpose in ("labeling", "training"):
        batch = meter.export(purpose, "label-studio,coco,imagefolder,csv", tmp_path / purpose)
        check_jsonschema("--schemafile", SCHEMAS / "batch-manifest.schema.json", batch / "manifest.json")
        lines = (batch / "samples.jsonl").read_text().splitlines()
        assert lines
        for line in lines:
            sample = json.loads(line)
            validator("sample").validate(sample)
            if "label" in sample:
                validator("label").validate(sample["label"])
    check_jsonschema("--schemafile", SCHEMAS / "model-bundle.schema.json", *(bundle / "model.json" for bundle in meter_bundles.values()))
    check_jsonschema("--schemafile", SCHEMAS / "configuration.schema.json", meter.folder / "gleaner.yaml")


def test_the_configuration_that_init_writes_is_valid_with_every_line_uncommented(gleaner, tmp_path):
    text = (gleaner.folder / "gleaner.yaml").read_text()
    validator("configuration").validate(yaml.safe_load(text))
    # Keys are commented as `# key: value`, explanations are sentences.
    lines = [re.sub(r"^# ( *(?:- )?[a-z_]+:( |$))", r"\1", line) for line in text.splitlines()]
    path = tmp_path / "all.yaml"
    path.write_text("\n".join(lines) + "\n")
    document = yaml.safe_load(path.read_text())
    assert len(document) >= 4, "the explained keys were not found"
    validator("configuration").validate(document)
    (gleaner.folder / "gleaner.yaml").write_text(path.read_text())
    problems = json.loads(gleaner.text("check", "--json", status=1).stdout)["problems"]
    assert {problem["path"] for problem in problems} <= {"model", "inference"}, problems

