"""Whatever the link does and whenever gleaner is killed, the other side has what was acknowledged: each sample once."""

import collections
import hashlib
import json
import os
import random
import sqlite3
import subprocess

import pytest
import seaweed
from driver import kill, write_configuration
from receiver import Receiver

# A fourth of the other storms': a visit takes a second.
KILLS = int(os.environ.get("GLEANER_KILLS", "200")) // 4
CONFIGURATION = """\
        source: folder:camera
        selection: {{budget: {{share: 1}}, deduplicate: false, audit_share: 1}}
        sync: {{batch_samples_min: 1, batch_samples_max: 4, destinations: [{destination}]}}
"""


class BadLink:
    """Stands before a server; half of its connections get a fault until it is mended."""

    def __init__(self, port, seed):
        command = os.environ.get("GLEANER_LINK_FAULTS")
        if not command:
            pytest.fail("GLEANER_LINK_FAULTS does not name the bad link: run the tests with Tests/run.sh")
        self.process = subprocess.Popen(
            [command, str(port), str(seed), "20000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.process.stdout.readline())

    def mend(self):
        """From now on all goes well; returns how many faults there were."""
        self.process.stdin.close()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.kill()
        self.process.wait()


class Uploads:
    """A server of resumable uploads."""

    def __init__(self, folder):
        self.receiver = Receiver(folder / "incoming")
        self.port, self.stop = self.receiver.port, self.receiver.kill

    def destination(self, port):
        return {"to": f"http://127.0.0.1:{port}/in"}

    def batches(self):
        """Every whole batch: its digest, and its samples with what lies there of each."""
        for batch in self.receiver.batches():
            lines = [json.loads(line) for line in (batch / "samples.jsonl").read_text().splitlines()]
            digest = hashlib.sha256((batch / "manifest.json").read_bytes()).hexdigest()
            yield (
                digest,
                [(line["id"], hashlib.sha256((batch / line["file"]).read_bytes()).hexdigest()) for line in lines],
            )


class Bucket:
    """An S3 store."""

    def __init__(self, folder):
        self.store = seaweed.Seaweed(folder / "seaweed")
        self.port, self.stop = self.store.ports["s3.port"], self.store.stop

    def destination(self, port):
        return {"to": "s3://field/storm", "endpoint": f"http://127.0.0.1:{port}"}

    def batches(self):
        for key in self.store.keys("storm/device="):
            folder, _, name = key.rpartition("/")
            if name == "manifest.json":
                manifest = self.store.get(key)
                sizes = self.store.keys(folder + "/")
                for file in json.loads(manifest)["files"]:
                    assert f"{folder}/{file['path']}" in sizes, f"{folder} lacks {file['path']}"
                lines = [json.loads(line) for line in self.store.get(f"{folder}/samples.jsonl").decode().splitlines()]
                yield (
                    hashlib.sha256(manifest).hexdigest(),
                    [
                        (line["id"], hashlib.sha256(self.store.get(f"{folder}/{line['file']}")).hexdigest())
                        for line in lines
                    ],
                )


@pytest.fixture(params=[Uploads, Bucket])
def server(request, tmp_path, monkeypatch):
    for name, value in seaweed.KEYS.items():
        monkeypatch.setenv(name, value)
    running = request.param(tmp_path)
    yield running
    running.stop()


def acknowledged(meter):
    """The batches that the device holds for delivered, as it would after a restart: digests, and samples with theirs."""
    database = sqlite3.connect(f"file:{meter.folder}/queue.sqlite?mode=ro", uri=True)
    numbers = dict(database.execute("SELECT number, lower(hex(digest)) FROM batch WHERE state = 'delivered'"))
    members = collections.Counter(
        (numbers[number], digest)
        for number, digest in database.execute(
            "SELECT number, lower(hex(sha256)) FROM batch_sample JOIN sample USING (sample_key)"
        )
        if number in numbers
    )
    database.close()
    return members


def test_the_other_side_has_what_was_acknowledged(meter, camera, meter_truth, server):
    seed = int(os.environ.get("GLEANER_STORM_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"GLEANER_STORM_SEED={seed}")
    numbers = random.Random(seed)
    link = BadLink(server.port, seed)
    try:
        write_configuration(meter.folder, CONFIGURATION.format(destination=json.dumps(server.destination(link.port))))
        pictures = [f"meter-digits/{row['file']}" for row in meter_truth["field"]]
        kills = visits = put = 0
        while kills < KILLS:
            # Always something to send.
            if meter("status")["queue"].get("queued", 0) < 20 and put < len(pictures):
                camera(*pictures[put : put + 60])
                put += 60
                meter("run", "--until-end")
            process = meter.start("sync", "--once")
            try:
                process.communicate(timeout=numbers.uniform(0.02, 1.5))
            except subprocess.TimeoutExpired:
                kill(process)
                kills += 1
            visits += 1
            if visits % 10 == 0:
                assert acknowledged(meter) <= found(server)
            assert visits < 20 * KILLS
        faults = link.mend()
        while meter("sync", "--once")["visits"][0]["batches"]:
            pass
        there = found(server)
        print(f"{kills} kills, {visits} visits, {faults} faults, {there.total()} samples")
        assert faults > KILLS and there == acknowledged(meter) and meter("status")["queue"]["queued"] == 0
        samples = [sample for _, lines in server.batches() for sample in lines]
        assert len({sample for sample, _ in samples}) == len(samples) == len(meter.samples())
    finally:
        link.close()


def found(server):
    """As `acknowledged`, at the other side."""
    return collections.Counter((batch, digest) for batch, lines in server.batches() for _, digest in lines)
