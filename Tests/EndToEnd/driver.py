"""Drives the gleaner command as a script would, and holds every document it prints against its schema."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "Schemas"

# The schema of what each command prints with --json, by its words.
OUTPUT_SCHEMAS = {
    "init": "init",
    "check": "check",
    "doctor": "doctor",
    "run": "run",
    "bench": "bench",
    "status": "status",
    "sample list": "sample-list",
    "sample show": "sample-line",
    "sample keep": "sample-line",
    "sample drop": "sample-line",
    "sample sheet": "sample-sheet",
    "export": "export",
    "label import": "label-import",
    "label set": "label-import",
    "model import": "model-import",
    "model list": "model-list",
    "model activate": "model-reference",
    "model rollback": "model-reference",
    "model show": "model-verdict",
    "model verify": "model-verify",
    "model inspect": "model-inspect",
    "model pack": "model-bundle",
    "model keygen": "model-keygen",
    "model sign": "model-sign",
    "report": "report",
    "replay": "replay",
    "lineage": "lineage",
    "components": "components",
    "sync": "sync",
    "sync --dry-run": "sync-plan",
    "destination list": "destination-list",
    "destination test": "destination-test",
    "destination add": "destination-add",
    "destination forget": "destination-forget",
}


def validator(name):
    """The validator of `Schemas/<name>.schema.json`, which may refer to its neighbours by file name."""
    documents = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.schema.json")}
    registry = Registry()
    for file, document in documents.items():
        resource = Resource.from_contents(document)
        registry = registry.with_resource(file, resource).with_resource(document.get("$id", file), resource)
    return Draft202012Validator(
        documents[f"{name}.schema.json"], registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


class Gleaner:
    """The command, on one deployment."""

    def __init__(self, binary, folder):
        self.binary = str(binary)
        self.folder = Path(folder)

    def __call__(self, *arguments, status=0, timeout=300):
        """Runs `gleaner ARGUMENTS --json`; returns its document, which its schema allows."""
        words = [str(each) for each in arguments]
        done = self.text(*words, "--json", status=status, timeout=timeout)
        document = json.loads(done.stdout)
        self._validate(words, document)
        return document

    def text(self, *arguments, status=0, timeout=300, **options):
        """Runs `gleaner ARGUMENTS` and expects this exit status."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=timeout, check=False, **options
        )
        assert done.returncode == status, (
            f"{' '.join(done.args)} ended with {done.returncode}, not {status}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        )
        return done

    def fails(self, *arguments, naming, status=1, **options):
        """Runs what must fail, and returns its message: a clear one, naming each of `naming`."""
        done = self.text(*arguments, status=status, **options)
        message = done.stderr
        # ".swift:" is where Swift stopped; "Fatal error" alone is also a phrase of ONNX Runtime's.
        for trace in (".swift:", "Thread 0", "Stack dump", "DecodingError", "NSCocoaErrorDomain", "Error Domain="):
            assert trace not in message, message
        for name in naming:
            assert str(name).lower() in message.lower(), f"the message does not name '{name}':\n{message}"
        return message

    def start(self, *arguments):
        """Starts a command and leaves it running, in a process group of its own."""
        return subprocess.Popen(
            self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def collecting(self, *arguments, seconds=30):
        """Starts `run` and waits until it collects."""
        process = self.start("run", *arguments)
        deadline = time.monotonic() + seconds
        while f"process {process.pid}," not in self("status").get("collector", ""):
            assert process.poll() is None, f"run ended with {process.returncode}: {process.stderr.read()}"
            assert time.monotonic() < deadline, "the collector did not start"
            time.sleep(0.05)
        return process

    def command(self, *arguments):
        words = [str(each) for each in arguments]
        bare = words[0] in ("init", "components") or words[:1] == ["model"] and words[1] in ("pack", "inspect", "keygen", "sign")
        ours = [] if bare else ["-C", str(self.folder)]
        return [self.binary, *words, *ours]

    def samples(self, validated=True):
        """Every sample, by id. To validate thousands takes seconds."""
        words = ["sample", "list", "--limit", 1_000_000]
        lines = (self(*words) if validated else json.loads(self.text(*words, "--json").stdout))["samples"]
        samples = {line["sample"]["id"]: line for line in lines}
        assert len(samples) == len(lines), "a sample is listed twice"
        return samples

    def conserved(self):
        """The status, once it is certain that no frame is unaccounted for."""
        status = self("status")
        frames = status["frames"]
        assert frames["offered"] == frames["stored"] + frames["rejected"] + frames["dropped"], frames
        return status

    def reasons(self, outcome):
        """Counts by reason, for `stored`, `rejected`, `dropped` or `evicted`."""
        return {line["reason"]: line["count"] for line in self("report")["lines"] if line["outcome"] == outcome}

    def export(self, purpose, formats, to, *more):
        """The folder of the one batch that an export makes."""
        (batch,) = self("export", "--for", purpose, "--format", formats, "--to", to, *more)["batches"]
        return Path(batch["folder"])

    @staticmethod
    def _validate(words, document):
        name = OUTPUT_SCHEMAS.get(" ".join(words[:2])) or OUTPUT_SCHEMAS[words[0]]
        if (SCHEMAS / f"{name}.schema.json").exists():
            validator(name).validate(document)


def samples_of(batch):
    """The lines of a batch's samples.jsonl."""
    return [json.loads(line) for line in (batch / "samples.jsonl").read_text().splitlines()]


def wait_for(condition, seconds=30):
    """Asks again and again; returns the first answer that is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


def stop(process, name=signal.SIGTERM, seconds=10):
    """Asks a process to end; returns its exit status, output and errors."""
    process.send_signal(name)
    output, errors = process.communicate(timeout=seconds)
    return process.returncode, output, errors


def kill(process):
    """Kills a process and everything it started, at once."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.communicate()


def write_configuration(folder, text):
    """Replaces a deployment's configuration."""
    (Path(folder) / "gleaner.yaml").write_text(re.sub(r"^ {8}", "", text, flags=re.MULTILINE))
