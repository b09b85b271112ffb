"""Batches over links as they are in the field: slow, lossy, cut, beside a dead one; and nobody else is contacted."""

import csv
import hashlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import time

import links
import numpy
import pytest
import seaweed
from driver import Gleaner, kill, samples_of, stop, wait_for, write_configuration
from PIL import Image
from receiver import CHUNK, Receiver

pytestmark = links.needed
PICTURES = int(os.environ.get("GLEANER_PICTURES", 500))
CONFIGURATION = """\
        source: folder:camera
        selection: {{budget: {{share: 1}}, deduplicate: false, audit_share: 1}}
        sync: {sync}
"""


def configure(gleaner, *destinations, **more):
    """Keeps every frame, and sends it there."""
    text = json.dumps({"batch_samples_min": 1, **more, "destinations": list(destinations)})
    write_configuration(gleaner.folder, CONFIGURATION.format(sync=text))


@pytest.fixture
def collected(meter, camera, meter_truth):
    """A deployment that has kept so many pictures of meters, or so many frames of noise, each larger than a chunk.

    It has no destination yet: whatever goes out must go through a link.
    """

    def collect(pictures=0, noise=0):
        configure(meter)
        camera(*(f"meter-digits/{row['file']}" for row in meter_truth["field"][:pictures]))
        dice = numpy.random.default_rng(7)
        for number in range(noise):
            pixels = dice.integers(0, 256, (320, 320, 3), dtype=numpy.uint8)
            Image.fromarray(pixels).save(meter.folder / "camera" / f"{number}.png")
        meter("run", "--until-end")
        return meter

    return collect


@pytest.fixture
def receive(tmp_path):
    """Starts receivers on the far side of a link, and ends them with the test."""
    started = []

    def start(link, name="incoming"):
        with link.far:
            started.append(Receiver(tmp_path / name, host=links.FAR))
        return started[-1]

    yield start
    for receiver in started:
        receiver.kill()


@pytest.fixture
def syncing():
    """Starts `gleaner sync` on the device's side of a link, and ends it with the test."""
    started = []

    def start(gleaner, link):
        with link.device:
            started.append(gleaner.start("sync"))
        return started[-1]

    yield start
    for process in started:
        kill(process)


def arrived(receiver):
    """How many samples the receiver has, each of them once and every byte as its batch says."""
    ids = [sample["id"] for batch in receiver.batches() for sample in samples_of(batch)]
    assert len(ids) == len(set(ids))
    return len(ids)


def byte_count(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def frame_count(manifest):
    return sum(file["path"].startswith("frames/") for file in json.loads(manifest)["files"])


class Server:
    """A receiver of uploads on the far side of a link, as the test of slow links sees it."""

    def __init__(self, link, receive):
        self.receiver = receive(link)
        self.destination = {"to": self.receiver.url}

    def manifests(self):
        return [path.read_bytes() for path in self.receiver.folder.glob("device=*/date=*/batch-*/manifest.json")]

    def samples(self):
        """Those of whole batches, and the bytes of these."""
        batches = self.receiver.batches()
        return [each for batch in batches for each in samples_of(batch)], sum(byte_count(batch) for batch in batches)


class Store:
    """A store of objects there."""

    def __init__(self, link, folder):
        with link.far:
            self.link, self.weed = link, seaweed.Seaweed(folder, links.FAR)
        self.destination = {"to": "s3://field/orchard", "endpoint": self.weed.endpoint}

    def manifests(self):
        with self.link.far:
            return [self.weed.get(key) for key in self.weed.keys("orchard/device=") if key.endswith("/manifest.json")]

    def samples(self):
        with self.link.far:
            there = {key: self.weed.get(key) for key in self.weed.keys("orchard/device=")}
        samples = []
        for key, data in there.items():
            folder, _, name = key.rpartition("/")
            if name == "manifest.json":
                for file in json.loads(data)["files"]:
                    assert hashlib.sha256(there[f"{folder}/{file['path']}"]).hexdigest() == file["sha256"]
                samples += [json.loads(line) for line in there[f"{folder}/samples.jsonl"].splitlines()]
        return samples, sum(map(len, there.values()))


@pytest.fixture
def other_side(receive, tmp_path):
    """Starts a server or a store there, and ends it with the test."""
    stores = []

    def start(kind, link):
        if kind == "server":
            return Server(link, receive)
        stores.append(Store(link, tmp_path / "seaweed"))
        return stores[-1]

    yield start
    for store in stores:
        store.weed.stop()


# Lost is what the device sends. Where each of a packet and its answer got lost that often, TCP would double its waits
# faster than it gets through, and what came to pass in ten minutes would be luck.
@pytest.mark.parametrize("kind", ["server", "store"])
def test_a_slow_and_lossy_link_carries_it_all(collected, other_side, syncing, monkeypatch, kind):
    for name, value in seaweed.KEYS.items():
        monkeypatch.setenv(name, value)
    gleaner = collected(pictures=PICTURES)
    # As nearly every system avoids congestion; it suffers more from losses than others.
    with links.cable(kilobits=256, loss=(30, 0), control="cubic") as link:
        there = other_side(kind, link)
        configure(gleaner, there.destination)
        begin = time.monotonic()
        syncing(gleaner, link)
        wait_for(lambda: sum(map(frame_count, there.manifests())) == PICTURES, 600)
        seconds = time.monotonic() - begin
        samples, whole = there.samples()
        assert len(samples) == len({each["id"] for each in samples}) == PICTURES
        (out, _), (back, _) = link.device.sent(), link.far.sent()
    print(
        f"{PICTURES} pictures to a {kind} over 256 kbit/s, 30 % of it lost: {seconds:.0f} s; "
        f"{whole} bytes of batches, {out} bytes sent and {back} answered"
    )


def test_a_link_of_32_kilobits_gets_on(collected, receive, syncing):
    """Where the answer to one request takes longer than a server may usually be silent."""
    gleaner = collected(noise=1)
    with links.cable(kilobits=32) as link:
        receiver = receive(link)
        configure(gleaner, {"to": receiver.url})
        begin = time.monotonic()
        syncing(gleaner, link)
        wait_for(lambda: arrived(receiver) == 1, 200)
        print(f"{byte_count(receiver.folder)} bytes in {time.monotonic() - begin:.0f} s, as {receiver.bodies()}")
        # Nothing of it twice; the tar has its headers.
        assert sum(receiver.bodies()) < byte_count(receiver.folder) + 32 * 1024


# MARK: A dead neighbour

DEAD = "10.77.0.3"


def seconds_until_it_arrives(station, link, receiver, *neighbours):
    """How long a fresh copy of a deployment takes to send its batch there, beside other destinations."""
    copy = Gleaner(station.binary, receiver.folder.with_suffix(".station"))
    shutil.copytree(station.folder, copy.folder)
    configure(copy, {"to": receiver.url}, *neighbours)
    begin = time.monotonic()
    with link.device:
        process = copy.start("sync")
    try:
        wait_for(lambda: any(receiver.folder.glob("device=*/date=*/batch-*")), 60)
        return time.monotonic() - begin
    finally:
        kill(process)


def test_dead_destinations_delay_no_other(collected, receive):
    gleaner = collected(noise=6)
    with links.cable(kilobits=4000) as link:
        # One that swallows every packet, and one that takes connections and says nothing.
        link.far.do(f"ip address add {DEAD}/24 dev eth0")
        link.far.rules(links.chain("input", f"ip daddr {DEAD} tcp dport 80 counter drop"))
        with link.far, socket.create_server((DEAD, 81)) as silent:
            dead = [{"to": f"http://{DEAD}:{port}/in"} for port in (80, 81)]
            ratios = []
            for number in range(3):
                alone, beside = (
                    seconds_until_it_arrives(gleaner, link, receive(link, f"{kind}{number}"), *neighbours)
                    for kind, neighbours in (("alone", []), ("beside", dead))
                )
                ratios.append(alone / beside)
                print(f"alone {alone:.2f} s, beside two dead ones {beside:.2f} s: {ratios[-1]:.3f}")
            asked = silent.accept()[0].recv(4)
        assert asked == b"OPTI" and "counter packets 0" not in link.far.do("nft list ruleset")
        assert statistics.median(ratios) > 0.9, ratios


# MARK: Nobody else is contacted


@pytest.fixture
def secluded(binary, tmp_path):
    """A deployment each of whose commands has one way out, a link: its route and its resolver lead there."""

    class Secluded(Gleaner):
        def command(self, *arguments):
            return ["unshare", "--mount", "sh", "-c", bind('exec "$@"'), "sh", *super().command(*arguments)]

    def bind(words):
        return f"mount --bind '{resolver}' /etc/resolv.conf && {words}"

    resolver = tmp_path / "resolv.conf"
    resolver.write_text(f"nameserver {links.FAR}\noptions timeout:1 attempts:1\n")
    with links.cable() as link:
        link.device.do(f"ip route add default via {links.FAR}")
        gleaner = Secluded(binary, tmp_path / "station")
        gleaner.resolve = ["unshare", "--mount", "sh", "-c", bind("getent hosts example.org")]
        with link.device:
            yield gleaner, link


def live(gleaner, data, meter_bundles, meter_truth, folder):
    """A whole life, from `init` to a second model, that leaves through a folder."""
    truth = {row["file"].split("/")[-1]: row["label"] for row in meter_truth["field"]}
    stick = folder / "stick"
    stick.mkdir()
    gleaner("init", gleaner.folder)
    (gleaner.folder / "camera").mkdir()
    gleaner("model", "import", meter_bundles[1])
    for row in meter_truth["field"][:20]:
        shutil.copy(data / "meter-digits" / row["file"], gleaner.folder / "camera")
    configure(gleaner)
    gleaner("run", "--until-end")
    batch = gleaner.export("labeling", "coco", folder / "batch", "--limit", 10)
    answers = folder / "answers.csv"
    with open(answers, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "label"])
        table.writerows([sample["id"], truth[sample["origin"]]] for sample in samples_of(batch))
    gleaner("label", "import", answers, "--format", "csv")
    gleaner("model", "import", meter_bundles[2])
    configure(gleaner, {"to": f"folder:{stick}"}, every_minutes=0.01)
    process = gleaner.collecting()
    try:
        wait_for(lambda: len(list(stick.glob("device=*/date=*/batch-*"))) >= 2, 60)
        for words in ("check", "status", "report", "components", "destination list", "destination test", "model list"):
            gleaner(*words.split())
        gleaner.text("sync", "--now")
    finally:
        kill(process)
    gleaner("sync", "--once")


def test_nobody_is_contacted_who_is_not_configured(secluded, data, meter_bundles, meter_truth, tmp_path):
    gleaner, link = secluded
    live(gleaner, data, meter_bundles, meter_truth, tmp_path)
    assert link.device.sent() == (0, 0)
    # What the kernel counts there is what would be sent: a question for a name leaves at once.
    subprocess.run(gleaner.resolve, check=False)
    assert link.device.sent()[1] > 0


def test_only_the_configured_address_is_contacted(secluded, data, meter_bundles, meter_truth, receive, tmp_path):
    gleaner, link = secluded
    live(gleaner, data, meter_bundles, meter_truth, tmp_path)
    receiver = receive(link)
    right = f"ip daddr {links.FAR} tcp dport {receiver.port} counter name right accept"
    rules = ['oifname "lo" accept', right, "counter name wrong"]
    link.device.rules(links.chain("output", *rules, counters=["right", "wrong"]))
    # A store whose keys nobody has told: no cloud is asked for them.
    store = {"to": "s3://bucket/prefix", "endpoint": f"http://{links.FAR}:{receiver.port}"}
    configure(gleaner, {"to": receiver.url}, store)
    for row in meter_truth["field"][20:40]:
        shutil.copy(data / "meter-digits" / row["file"], gleaner.folder / "camera")
    gleaner("run", "--until-end")
    report = json.loads(gleaner.text("sync", "--once", "--json", status=1).stdout)
    assert [bool(visit.get("failure")) for visit in report["visits"]] == [False, True]
    assert arrived(receiver) >= 20
    packets = link.device.counters()
    assert packets["right"] > 20 and packets["wrong"] == 0
    subprocess.run(gleaner.resolve, check=False)
    assert link.device.counters()["wrong"] > 0


# MARK: A cut in the middle


def in_the_middle_of_a_chunk(receiver, link):
    """Waits until one chunk is there and part of the next one is on its way."""
    wait_for(lambda: receiver.partial() >= CHUNK, 60)
    before, _ = link.device.sent()
    wait_for(lambda: link.device.sent()[0] > before + CHUNK // 4, 60)
    assert receiver.partial() < 2 * CHUNK


@pytest.mark.parametrize("is_noticed", [False, True])
def test_a_cut_link_is_gone_on_with_by_itself(collected, receive, syncing, is_noticed):
    """Whether the cut is over before anybody noticed, or the device has given up the connection."""
    gleaner = collected(noise=4)
    with links.cable(kilobits=1000) as link:
        receiver = receive(link)
        configure(gleaner, {"to": receiver.url})
        syncing(gleaner, link)
        in_the_middle_of_a_chunk(receiver, link)
        link.cut()
        before = receiver.partial()
        if is_noticed:
            wait_for(lambda: gleaner("destination", "list")["destinations"][0].get("trouble") == "offline", 150)
        else:
            wait_for(lambda: link.device.doublings() >= 3, 60)
        assert receiver.partial() == before
        link.mend()
        begin = time.monotonic()
        wait_for(lambda: arrived(receiver) == 4, 150)
        seconds = time.monotonic() - begin
        (batch,) = receiver.batches()
        whole = byte_count(batch)
        sent, _ = link.device.sent()
        print(f"whole {seconds:.1f} s after the link was back; {sent} bytes through the cable for {whole}")
        # The tar and the packets have their headers.
        assert sum(receiver.bodies()) <= whole + 32 * 1024 + CHUNK
        assert sent <= 1.06 * (whole + CHUNK) + 64 * 1024
