"""The receiver of batches as a process, and what it has."""

import hashlib
import json
import os
import re
import subprocess
import sys

from driver import ROOT, kill, validator

# So much is sent at once, and so much at most is sent again when a link is cut.
CHUNK = 256 << 10


class Receiver:
    """`Examples/receiver` as a process; it may be killed and started again."""

    def __init__(self, folder, *more, host="127.0.0.1"):
        self.folder, self.more, self.host, self.port = folder, [str(each) for each in more], host, 0
        self.log = folder.with_suffix(".log")
        self.start()

    def start(self):
        words = [sys.executable, ROOT / "Examples/receiver/receiver.py", "--folder", self.folder]
        words += ["--host", self.host, "--port", str(self.port), *self.more]
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )  # fmt: skip
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), self.log.read_text()
        self.port = int(line.rstrip("/\n").rsplit(":", 1)[1])

    def kill(self):
        kill(self.process)

    @property
    def url(self):
        return f"{'https' if '--tls-cert' in self.more else 'http'}://{self.host}:{self.port}/in"

    def bodies(self, method="PATCH"):
        """Bytes of each request's body, as far as it came."""
        return [int(count) for count in re.findall(rf'"{method} [^"]*" [^,]*, (\d+) bytes', self.log.read_text())]

    def partial(self):
        """Bytes of uploads that are under way, on the disk."""
        return sum(path.stat().st_size for path in (self.folder / ".uploads").glob("*.tar"))

    def batches(self):
        """The batches that a consumer sees, each held against its manifest."""
        found = sorted(self.folder.glob("device=*/date=*/batch-*"))
        for batch in found:
            manifest = json.loads((batch / "manifest.json").read_bytes())
            validator("batch-manifest").validate(manifest)
            assert batch.name == "batch-" + hashlib.sha256((batch / "manifest.json").read_bytes()).hexdigest()[:12]
            files = {path.relative_to(batch).as_posix(): path for path in batch.rglob("*") if path.is_file()}
            assert set(files) == {"manifest.json", *(file["path"] for file in manifest["files"])}
            for file in manifest["files"]:
                assert hashlib.sha256(files[file["path"]].read_bytes()).hexdigest() == file["sha256"]
        return found
