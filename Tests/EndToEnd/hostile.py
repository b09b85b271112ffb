"""Things that no deployment should be given, and places that no program should run in."""

import io
import json
import os
import shutil
import struct
import subprocess
import tarfile
import zlib

import pytest


def png_header(width, height):
    """A PNG file that claims a size, and has hardly any pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def tar(path, bundle, extra=(), names=("model.json", "model.onnx")):
    """A tar of a bundle folder's files, with more entries: pairs of TarInfo and bytes."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names:
            data = (bundle / name).read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for entry, data in extra:
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def entry(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def changed_bundle(bundle, to, **changes):
    """A copy of a bundle folder with other values in its model.json; `None` removes a key."""
    shutil.copytree(bundle, to)
    manifest = json.loads((to / "model.json").read_text())
    for key, value in changes.items():
        manifest.pop(key) if value is None else manifest.__setitem__(key, value)
    (to / "model.json").write_text(json.dumps(manifest))
    return to


def in_mounts(command, mounts, **options):
    """Runs a command with mounts of its own: shell lines that are run before it, as root of a namespace."""
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    probe = subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"mounting is not permitted here: {probe.stderr.decode().strip()}")
    script = " && ".join([*mounts, 'exec "$@"'])
    return subprocess.run([*unshare, "sh", "-c", script, "sh", *command], capture_output=True, text=True, check=False, **options)
