"""Batches that leave for a store and a folder, beside other tools with the same files; and memory; see run.sh."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "EndToEnd"))
import seaweed  # noqa: E402
from benches import kept, measured, noise  # noqa: E402
from driver import Gleaner, kill, write_configuration  # noqa: E402
from receiver import Receiver  # noqa: E402

# Samples, and the size of their pictures: frames of a camera, many of them, crops.
BATCHES = ((1200, (640, 480)), (5000, (640, 480)), (1000, (64, 48)))
CONFIGURATION = """\
        source: folder:camera
        selection: {{budget: {{share: 1}}, deduplicate: false}}
        storage: {{quota: 20 GiB, keep_free: 1 GiB}}
        sync: {{batch_samples_max: 10000, destinations: [{destination}]}}
"""


def configure(gleaner, destination):
    write_configuration(gleaner.folder, CONFIGURATION.format(destination=json.dumps(destination)))


def station(folder, count, size, large=0):
    """A deployment that has kept `count` JPEGs of a size, and so many PNGs of 5 MB beside them."""

    def draw(camera):
        for number in range(count):
            noise(camera / f"{number:06}.jpg", size, number, quality=75)
        for number in range(large):
            noise(camera / f"large-{number}.png", (1500, 1500), number, compress_level=1)

    return kept(folder, CONFIGURATION.format(destination=""), draw)


def put_away(folder):
    """Moves a folder aside. Nothing is deleted before the end: file systems make new files slowly just after that."""
    if folder.exists():
        aside = folder.parent / "aside"
        aside.mkdir(exist_ok=True)
        folder.rename(aside / f"{folder.name}-{time.monotonic_ns()}")


def copied(gleaner, folder):
    """A copy of a deployment, so that a batch can leave again; nothing of it is left to write out."""
    put_away(folder)
    subprocess.run(["cp", "-r", gleaner.folder, folder], check=True)
    os.sync()
    return Gleaner(gleaner.binary, folder)


def compare(rounds, ours, others):
    """Medians of how often faster ours are than others: each round runs all of them once, every second one backwards.

    A first round does not count: in it the store and the disk get ready.
    """
    contenders = {**ours, **others}
    seconds = {name: [] for name in contenders}
    for number in range(rounds + 1):
        order = list(contenders) if number % 2 == 0 else list(reversed(contenders))
        for name in order:
            taken = contenders[name](number)
            seconds[name] += [taken] if number else []
        if number:
            print("  ", {name: round(times[-1], 2) for name, times in seconds.items()}, file=sys.stderr)
    ratios = {
        f"{one} against {other}": round(statistics.median(b / a for a, b in zip(seconds[one], seconds[other])), 2)
        for one in ours
        for other in others
    }
    return {"seconds": {name: round(statistics.median(times), 2) for name, times in seconds.items()}, "ratios": ratios}


def sealed(gleaner, folder, destination, hinder):
    """A copy whose batch is sealed, and was not taken because of a hindrance that is gone again."""
    copy = copied(gleaner, folder)
    configure(copy, destination)
    with hinder(copy) as environment:
        copy.text("sync", "--once", status=1, env={**os.environ, **environment})
    (plan,) = copy("sync", "--dry-run")["destinations"]
    assert plan["batches"] == 1, plan
    return copy


class MayOnlyRead:
    """The store lists what it has, and takes nothing."""

    def __init__(self, _):
        pass

    def __enter__(self):
        return seaweed.READER_KEYS

    def __exit__(self, *_):
        pass


# A sync reads every byte back, too.
CHECK = ' && find "$2" -type f -print0 | xargs -0 sha256sum > "$2.sums"'


class FileInTheWay:
    """Where the device's folder would be made there is a file."""

    def __init__(self, gleaner):
        (place,) = (each["place"] for each in gleaner("destination", "list")["destinations"])
        device = next(iter(gleaner.samples())).split("-")[0]
        self.path = Path(place.removeprefix("folder:")) / f"device={device}"

    def __enter__(self):
        self.path.touch()
        return {}

    def __exit__(self, *_):
        self.path.unlink()


def against_a_store(store, work, gleaner, batch, rounds):
    destination = {"to": "s3://field/gleaner", "endpoint": store.endpoint}
    ready = sealed(gleaner, work / "sealed", destination, MayOnlyRead)

    def clear():
        keys = [{"Key": key} for key in store.keys()]
        for start in range(0, len(keys), 1000):
            store.s3.delete_objects(Bucket="field", Delete={"Objects": keys[start : start + 1000]})

    def checked(seconds):
        files = [path for path in batch.rglob("*") if path.is_file()]
        there = store.keys()
        assert len(there) == len(files) and abs(sum(there.values()) / sum(p.stat().st_size for p in files) - 1) < 0.01
        return seconds

    def ours(source):
        clear()
        copy = copied(source, work / "copy")
        configure(copy, destination)
        return checked(measured(copy.command("sync", "--once"))[0])

    def boto3(number, threads):
        clear()
        os.sync()
        words = [sys.executable, HERE / "upload.py", store.endpoint, batch, f"boto3-{number}", threads]
        return checked(float(subprocess.run(list(map(str, words)), check=True, stdout=subprocess.PIPE).stdout))

    def aws(number):
        clear()
        os.sync()
        words = [os.environ["AWS_BIN"], "--endpoint-url", store.endpoint, "--region", "us-east-1", "s3", "cp"]
        return checked(measured([*words, "--recursive", "--only-show-errors", batch, f"s3://field/aws-{number}/"])[0])

    others = {"boto3 one by one": lambda n: boto3(n, 1), "boto3 in ten threads": lambda n: boto3(n, 10)}
    if os.environ.get("AWS_BIN"):
        others["aws s3 cp"] = aws
    found = compare(rounds, {"sync": lambda _: ours(gleaner), "delivery": lambda _: ours(ready)}, others)
    clear()
    return found


def against_copying(work, gleaner, batch, rounds):
    (work / "folder").mkdir()
    destination = {"to": f"folder:{work / 'folder'}"}
    ready = sealed(gleaner, work / "sealed", destination, FileInTheWay)

    def clear():
        put_away(work / "folder")
        (work / "folder").mkdir()

    def ours(source):
        clear()
        copy = copied(source, work / "copy")
        configure(copy, destination)
        return measured(copy.command("sync", "--once"))[0]

    def copying(more=""):
        clear()
        os.sync()
        script = 'cp -r "$1" "$2" && sync -f "$2"' + more
        return measured(["bash", "-c", script, "_", batch, work / "folder" / "batch"])[0]

    others = {"cp and flush": lambda _: copying(), "cp, flush and sha256sum": lambda _: copying(CHECK)}
    return compare(rounds, {"sync": lambda _: ours(gleaner), "delivery": lambda _: ours(ready)}, others)


def speed(work, against, count, size, rounds):
    """How fast a batch of so many samples leaves."""
    gleaner = station(work / "station", count, size)
    (work / "example").mkdir()
    example = copied(gleaner, work / "copy")
    (visit,) = example("sync", "--to", work / "example")["visits"]
    (batch,) = (Path(each["folder"]) for each in visit["batches"])
    files = [path.stat().st_size for path in batch.rglob("*") if path.is_file()]
    print(f"   {len(files)} files, {sum(files) / 1e6:.1f} MB", file=sys.stderr)
    found = {"files": len(files), "megabytes": round(sum(files) / 1e6, 1)} | against(work, gleaner, batch, rounds)
    for name in ("station", "example", "sealed", "copy", "folder"):
        put_away(work / name)
    return found


def memory(work, store, counts):
    """Peak MiB of a sync of so many samples, four of which have 5 MB."""
    found = {}
    for count in counts:
        gleaner = station(work / "station", count - 4, (64, 48), large=4)
        # What the command takes before anything leaves.
        found.setdefault("plan", {})[count] = round(measured(gleaner.command("sync", "--dry-run", "--to", work))[1])
        receiver = Receiver(work / "incoming")
        (work / "folder").mkdir()
        destinations = {
            "store": {"to": f"s3://field/memory-{count}", "endpoint": store.endpoint},
            "server": {"to": receiver.url},
            "folder": {"to": f"folder:{work / 'folder'}"},
        }
        for name, destination in destinations.items():
            copy = copied(gleaner, work / "copy")
            configure(copy, destination)
            seconds, peak = measured(copy.command("sync", "--once"))
            assert copy("status")["queue"]["exported"] == count
            found.setdefault(name, {})[count] = round(peak)
            print(f"   {count} samples to a {name} in {seconds:.1f} s: {peak:.0f} MiB", file=sys.stderr)
        kill(receiver.process)
        for name in ("station", "incoming", "folder"):
            put_away(work / name)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the samples, three rounds")
    parser.add_argument("--work", type=Path, help="where the files go; the disk that is measured")
    given = parser.parse_args()
    share, rounds = (0.1, 3) if given.quick else (1, 5)
    work = Path(tempfile.mkdtemp(prefix="gleaner-sync-", dir=given.work))
    system = subprocess.run(["stat", "-f", "-c", "%T", work], check=True, capture_output=True, text=True).stdout.strip()
    assert system != "tmpfs", "name a folder on a disk with --work"
    os.environ.update(seaweed.KEYS)
    frames, many_frames, crops = ((int(each * share), size) for each, size in BATCHES)
    store = None
    try:
        answer = {"file_system": system}
        # Before there is a store, which goes on writing to the same disk.
        answer["folder"] = {
            name: speed(work, against_copying, *batch, rounds)
            for name, batch in {"frames": frames, "many_frames": many_frames, "crops": crops}.items()
        }
        store = seaweed.Seaweed(work / "seaweed")
        answer["store"] = {
            name: speed(work, partial(against_a_store, store), *batch, rounds)
            for name, batch in {"frames": frames, "crops": crops}.items()
        }
        answer["memory_mib"] = memory(work, store, [int(each * share) for each in (100, 1_000, 10_000)])
        print(json.dumps(answer))
    finally:
        if store:
            store.stop()
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
