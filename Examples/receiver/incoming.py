"""The folder of a receiver: uploads under way, and the whole batches that become of them."""

import hashlib
import json
import os
import re
import shutil
import tarfile
import threading
import time
from pathlib import Path

KEEP_SECONDS = 30 * 24 * 3600
# What reading raises when it is given something else.
NO_BATCH = (tarfile.TarError, ValueError, KeyError, TypeError, FileExistsError, NotADirectoryError, IsADirectoryError)


class Refusal(Exception):
    """What is answered instead of what was asked for."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def sync(path):
    """Makes a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def unpack(archive, folder):
    """Writes the regular files of a batch's tar below a new folder; anything else in it is an error."""
    with tarfile.open(archive, "r:") as tar:
        for member in tar:
            top, *parts = member.name.split("/")
            if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or not top.startswith("batch-") or not parts:
                raise Refusal(422, f"the archive holds {member.name!r}, which is no file of a batch")
            if any(part.startswith(".") or not part or "\0" in part for part in parts):
                raise Refusal(422, f"the archive holds {member.name!r}, which leads out of it or is hidden")
            path = folder.joinpath(*parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "xb") as file:
                shutil.copyfileobj(tar.extractfile(member), file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())
    for place, _, _ in os.walk(folder):
        sync(place)


def verified(folder, batch):
    """The manifest of a batch, once every file is what it says, and there is no other."""
    path = folder / "manifest.json"
    if not path.is_file() or sha256(path) != batch:
        raise Refusal(422, "the manifest is not the one of this batch")
    manifest = json.loads(path.read_bytes())
    listed = {file["path"]: file for file in manifest["files"]}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if found - {"manifest.json"} != set(listed):
        raise Refusal(422, f"the files are not those of the manifest: {sorted(found ^ {'manifest.json', *listed})[:3]}")
    for name, file in listed.items():
        if (folder / name).stat().st_size != file["bytes"] or sha256(folder / name) != file["sha256"]:
            raise Refusal(422, f"{name!r} is not what the manifest says")
    return manifest


class Incoming:
    """The folder: uploads under way, and whole batches."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.uploads = self.folder / ".uploads"
        self.uploads.mkdir(parents=True, exist_ok=True)
        self.locks, self.guard = {}, threading.Lock()

    def lock(self, batch):
        """One request at a time for each batch."""
        with self.guard:
            return self.locks.setdefault(batch, threading.Lock())

    def parts(self, batch):
        """The archive of an upload, what is known of it, and where it is unpacked."""
        return [self.uploads / f"{batch}.{kind}" for kind in ("tar", "json", "folder")]

    def upload(self, batch):
        """How many bytes of an upload are there for good, and what is known of it."""
        tar, notes, _ = self.parts(batch)
        if not tar.exists() or not notes.exists():
            raise Refusal(404, "there is no such upload")
        sync(tar)  # what was written just before a crash counts only now
        return tar.stat().st_size, json.loads(notes.read_text())

    def begin(self, batch, length, date):
        """Begins an upload, or goes on with the one that is there; returns how many bytes it has."""
        tar, notes, _ = self.parts(batch)
        try:
            offset, known = self.upload(batch)
            if known["length"] == length:
                return offset
        except Refusal:
            pass
        self.remove(batch)
        with open(notes, "w") as file:
            json.dump({"length": length, "date": date}, file)
            file.flush()
            os.fsync(file.fileno())
        tar.touch()
        sync(self.uploads)
        return 0

    def append(self, batch, offset, body):
        with open(self.parts(batch)[0], "r+b") as file:
            file.seek(offset)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())

    def remove(self, batch):
        # The archive goes last: `sweep` finds what was cut off here.
        for path in reversed(self.parts(batch)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def sweep(self):
        """Removes uploads that nobody goes on with."""
        for tar in self.uploads.glob("*.tar"):
            with self.lock(tar.stem):
                if tar.exists() and tar.stat().st_mtime < time.time() - KEEP_SECONDS:
                    self.remove(tar.stem)

    def holds(self, batch):
        """Whether the batch is here, whole."""
        for place in self.folder.glob(f"device=*/date=*/batch-{batch[:12]}"):
            verified(place, batch)
            self.settle(place)
            return True
        return False

    def settle(self, place):
        """Makes the name of a batch survive a power cut."""
        for folder in (place.parent, place.parent.parent, self.folder):
            sync(folder)

    def finish(self, batch):
        """Makes a batch of an upload that is all here. May be cut off anywhere, and is then done again."""
        tar, notes, folder = self.parts(batch)
        try:
            if not self.holds(batch):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                unpack(tar, folder)
                device = verified(folder, batch)["header"]["device"]
                if not re.fullmatch("[0-9a-f]{16}", device):
                    raise Refusal(422, "the manifest names no device")
                day = self.folder / f"device={device}" / f"date={json.loads(notes.read_text())['date']}"
                day.mkdir(parents=True, exist_ok=True)
                os.rename(folder, day / f"batch-{batch[:12]}")
                self.settle(day / f"batch-{batch[:12]}")
        except (Refusal, *NO_BATCH) as error:
            self.remove(batch)  # it would never get better
            raise error if isinstance(error, Refusal) else Refusal(422, f"this is no batch: {error}") from error
        self.remove(batch)
