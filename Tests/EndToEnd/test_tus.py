"""Batches go to a server: whole, once, on where they were cut off, and to nobody who cannot show who they are."""

import base64
import datetime
import http.server
import ipaddress
import json
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy
import pytest
from driver import kill, samples_of, write_configuration
from PIL import Image
from receiver import CHUNK, Receiver

CONFIGURATION = """\
        source: folder:camera
        selection: {{budget: {{share: 1}}, deduplicate: false, audit_share: 1}}
        sync: {{destinations: [{destination}]}}
"""


@pytest.fixture
def receive(tmp_path):
    """Starts receivers, and ends them with the test."""
    started = []

    def start(*more, name="incoming"):
        started.append(Receiver(tmp_path / name, *more))
        return started[-1]

    yield start
    for receiver in started:
        receiver.kill()


def configure(gleaner, receiver, **more):
    write_configuration(gleaner.folder, CONFIGURATION.format(destination=json.dumps({"to": receiver.url, **more})))


def collect(gleaner, count=6):
    """Keeps frames of noise, each larger than a chunk."""
    noise = numpy.random.default_rng(7)
    for number in range(count):
        pixels = noise.integers(0, 256, (320, 320, 3), dtype=numpy.uint8)
        Image.fromarray(pixels).save(gleaner.folder / "camera" / f"{number}.png")
    gleaner("run", "--until-end")


def failure(gleaner):
    """What the one destination's visit fails with."""
    (visit,) = json.loads(gleaner.text("sync", "--once", "--json", status=1).stdout)["visits"]
    return visit["failure"]


def test_a_batch_arrives_whole_and_once(meter, receive):
    receiver = receive()
    configure(meter, receiver, formats=["csv"])
    collect(meter)
    (visit,) = meter("sync", "--once")["visits"]
    (sent,), (batch,) = visit["batches"], receiver.batches()
    assert sent["samples"] == len(samples_of(batch)) == 6 and batch.name in sent["folder"]
    assert (batch / "samples.csv").exists()
    assert len(receiver.bodies()) >= 6 and max(receiver.bodies()) == CHUNK
    assert list((receiver.folder / ".uploads").iterdir()) == []
    assert meter("sync", "--once")["visits"][0]["batches"] == []
    assert meter("status")["queue"]["exported"] == 6


@pytest.mark.parametrize("method", ["POST", "PATCH", "HEAD", "DELETE", "OPTIONS"])
def test_a_request_whose_head_was_cut_off_is_none(receive, method):
    receiver = receive()
    batch = "ab" * 32
    pairs = {"batch": batch, "device": "00" * 8, "date": "2023-11-14"}
    metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in pairs.items())
    head = f"{method} /in/{batch if method != 'POST' else ''} HTTP/1.1\r\nHost: here\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 5000\r\nUpload-Metadata: {metadata}"
    for count in (head.index("\r\n") + 10, len(head) - 20, len(head)):
        with socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as link:
            link.sendall(head[:count].encode())
            link.shutdown(socket.SHUT_WR)
            assert link.recv(1000) == b"", f"{count} bytes were answered"
    assert list((receiver.folder / ".uploads").iterdir()) == []
    # The receiver is well.
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as link:
        link.sendall(f"{head}\r\n\r\n".encode())
        assert link.recv(1000).startswith(b"HTTP/1.1 ")


def test_killed_again_and_again_on_either_side_it_sends_little_twice(meter, receive):
    receiver = receive()
    configure(meter, receiver, bandwidth="1 MiB")
    collect(meter)
    kills = 0
    while not receiver.batches():
        process = meter.start("sync", "--once")
        before = receiver.partial()
        # As soon as a chunk more is there, and before the last: either the device or the server dies.
        deadline = time.monotonic() + 60
        while process.poll() is None and receiver.partial() <= before:
            assert time.monotonic() < deadline, "nothing more arrives"
            time.sleep(0.005)
        if kills % 2:
            receiver.kill()
            process.communicate(timeout=60)
            receiver.start()
        kill(process)
        kills += 1
        assert kills < 100
    meter("sync", "--once")
    (batch,) = receiver.batches()
    assert len(samples_of(batch)) == 6 and kills >= 3
    whole = sum(path.stat().st_size for path in batch.rglob("*") if path.is_file())
    assert sum(receiver.bodies()) <= whole + 64 * 1024 + kills * CHUNK
    assert meter("status")["queue"]["exported"] == 6


def test_a_token_is_asked_for_and_must_be_the_right_one(meter, receive, tmp_path):
    token, mine = tmp_path / "token", tmp_path / "mine"
    token.write_text("correct-horse\n")
    receiver = receive("--token-file", token)
    configure(meter, receiver)
    collect(meter, count=1)
    assert failure(meter)["code"] == "destination.refused"
    configure(meter, receiver, token_file=str(mine))
    assert "cannot be read" in failure(meter)["message"]
    mine.write_text("wrong-horse")
    wrong = failure(meter)
    assert "401" in wrong["message"] and "token" in wrong["remedy"]
    assert "horse" not in json.dumps([wrong, meter("status")]) and receiver.batches() == []
    mine.write_text("correct-horse")
    meter("destination", "test")
    meter("sync", "--once")
    assert len(receiver.batches()) == 1


def test_a_server_that_is_away_is_waited_for(meter, receive):
    receiver = receive()
    configure(meter, receiver)
    collect(meter, count=1)
    receiver.kill()
    assert failure(meter)["code"] == "destination.offline"
    assert meter("destination", "list")["destinations"][0]["trouble"] == "offline"
    receiver.start()
    meter("sync", "--once")
    assert len(receiver.batches()) == 1


def make_certificate(folder, name="server", days=(-1, 1)):
    """A certificate for 127.0.0.1 that nobody vouches for, good between these days, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=-days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / f"{name}.pem", folder / f"{name}.key"


def test_only_a_server_that_can_show_who_it_is_gets_anything(meter, receive, tmp_path):
    certificate, key = make_certificate(tmp_path)
    receiver = receive("--tls-cert", certificate, "--tls-key", key)
    configure(meter, receiver)
    collect(meter, count=1)
    unknown = failure(meter)
    assert unknown["code"] == "destination.refused" and "ca" in unknown["remedy"]
    configure(meter, receiver, ca=str(tmp_path / "absent.pem"))
    assert "holds no certificates" in failure(meter)["message"]
    configure(meter, receiver, ca=str(certificate))
    meter("sync", "--once")
    assert len(receiver.batches()) == 1


def test_a_certificate_that_expired_or_changed_gets_nothing_until_it_is_mended(meter, receive, tmp_path):
    first, expired, other = (
        make_certificate(tmp_path, *each) for each in (("first",), ("expired", (-3, -1)), ("other",))
    )
    authorities = tmp_path / "authorities.pem"
    authorities.write_bytes(first[0].read_bytes() + expired[0].read_bytes())
    receiver = receive("--tls-cert", first[0], "--tls-key", first[1])
    configure(meter, receiver, ca=str(authorities))
    collect(meter)
    meter("destination", "test")

    def shows(certificate, key):
        receiver.kill()
        receiver.more = ["--tls-cert", str(certificate), "--tls-key", str(key)]
        receiver.start()

    for shown in (expired, other):
        shows(*shown)
        refused = failure(meter)
        assert refused["code"] == "destination.refused" and "a certificate that is not trusted" in refused["message"]
        assert "clock" in refused["remedy"] and receiver.batches() == [] and receiver.partial() == 0
        (line,) = meter("destination", "list")["destinations"]
        assert line["trouble"] == "refused" and line["samples"] == 6
    shows(*first)
    meter("sync", "--once")
    assert len(receiver.batches()) == 1


def test_what_waits_for_a_place_that_is_no_more_is_forgotten_by_command(meter, receive):
    receiver = receive()
    configure(meter, receiver, bandwidth="256 KiB")
    collect(meter)
    process = meter.start("sync", "--once")
    while receiver.partial() == 0:
        assert process.poll() is None
        time.sleep(0.005)
    kill(process)
    meter.fails("destination", "forget", receiver.url, naming=["is configured", "gleaner.yaml"])
    write_configuration(meter.folder, "source: folder:camera\n")
    (line,) = meter("destination", "list")["destinations"]
    assert not line["configured"] and (line["batches"], line["samples"]) == (1, 6)
    meter.fails("destination", "forget", "http://127.0.0.1:1/in", naming=["no batch waits", "destination list"])
    assert meter("destination", "forget", line["place"]) == {"destination": line["place"], "batches": 1, "samples": 6}
    assert meter("destination", "list")["destinations"] == [] and meter("status")["queue"]["queued"] == 6
    assert list((meter.folder / "outbox").iterdir()) == []


def test_what_is_no_server_of_the_kind_is_a_clear_error(meter, tmp_path):
    page = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        port = int(re.search(r"port (\d+)", page.stdout.readline())[1])
        done = meter.text("sync", "--to", f"http://127.0.0.1:{port}/", status=1)
        assert "was answered with 501" in done.stdout
    finally:
        kill(page)


def test_addresses_that_are_none_are_named_without_their_secrets(meter):
    for place, naming in (
        ("https://me:secret@host/in", ["a user name or a password", "token_file"]),
        ("https://host/in?token=secret", ["goes on after its path"]),
        ("https:host", ["no address of a server"]),
        ("htps://host/in", ["did you mean 'https'?"]),
    ):
        message = meter.fails("destination", "add", place, naming=naming)
        assert "secret" not in message
    meter("destination", "add", "https://host.example/in", "--name", "server")
    assert "server" in (meter.folder / "gleaner.yaml").read_text()


def test_a_hostile_archive_writes_nothing_outside(receive, tmp_path):
    """Straight to the receiver, as no device would."""
    import base64
    import io
    import tarfile
    import urllib.error
    import urllib.request

    receiver = receive()
    identity = "ab" * 32

    def ask(method, url, headers, body=b""):
        request = urllib.request.Request(url, body or None, {"Tus-Resumable": "1.0.0", **headers}, method=method)
        try:
            return urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as error:
            return error

    def entry(name, kind=tarfile.REGTYPE, link=""):
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, link, 1 if kind == tarfile.REGTYPE else 0
        return member

    hostile = [
        [entry("batch-x/../../escaped")], [entry("/tmp/escaped")], [entry("batch-x/a", tarfile.SYMTYPE, "/etc/passwd")],
        [entry("batch-x/a", tarfile.LNKTYPE, "../../escaped")], [entry("batch-x/.hidden")], [entry("batch-x/a")] * 2,
        [entry("batch-x/a"), entry("batch-x/a/b")], [entry("batch-x/fifo", tarfile.FIFOTYPE)], [entry("batch-x/manifest.json")],
    ]  # fmt: skip
    for members in hostile:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            for member in members:
                tar.addfile(member, io.BytesIO(b"x"))
        body = data.getvalue()
        metadata = "batch " + base64.b64encode(identity.encode()).decode()
        created = ask("POST", receiver.url, {"Upload-Length": str(len(body)), "Upload-Metadata": metadata})
        assert created.status == 201, created.read()
        place = receiver.url.removesuffix("/in") + created.headers["Location"]
        sent = ask("PATCH", place, {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}, body)
        assert sent.status == 422 and "Gleaner-Receipt" not in sent.headers, members
        assert list((receiver.folder / ".uploads").iterdir()) == []
    assert {path.name for path in receiver.folder.iterdir()} == {".uploads"}
    assert not (tmp_path / "escaped").exists() and not Path("/tmp/escaped").exists()


class Answering:
    """A server that answers each request as it is told, and remembers them."""

    def __init__(self, answer):
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def reply(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked.append(self.command)
                status, headers = answer(self.command)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            do_OPTIONS = do_POST = do_HEAD = do_PATCH = do_GET = reply

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/in"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_nobody_is_contacted_because_a_server_says_so(meter):
    with Answering(lambda _: (204, {})) as other:
        with Answering(lambda _: (307, {"Location": other.url})) as server:
            write_configuration(meter.folder, CONFIGURATION.format(destination=f"{{to: '{server.url}'}}"))
            done = meter.text("sync", "--once", status=1)
        assert "points elsewhere" in done.stdout and server.asked == ["OPTIONS"] and other.asked == []


def test_a_server_that_takes_no_batch_is_not_sent_the_whole_queue(meter, camera, meter_truth):
    able = {"Tus-Resumable": "1.0.0", "Tus-Version": "1.0.0", "Tus-Extension": "creation,checksum", "Tus-Checksum-Algorithm": "sha256"}
    with Answering(lambda command: (204, able) if command == "OPTIONS" else (422, {})) as server:
        destination = f"{{to: '{server.url}', for: [labeling]}}"
        text = CONFIGURATION.format(destination=destination).replace("sync: {", "sync: {batch_samples_max: 10, ")
        write_configuration(meter.folder, text)
        camera(*(f"meter-digits/{row['file']}" for row in meter_truth["field"][:40]))
        meter("run", "--until-end")
        server.asked.clear()
        for _ in range(2):
            meter.text("sync", "--once", status=1)
            (line,) = meter("destination", "list")["destinations"]
            # One batch is bound to it; what else is due stays free for a better model to choose from.
            assert (line["trouble"], line["batches"], line["samples"]) == ("rejected", 1, 40)
        assert server.asked == ["OPTIONS", "POST"] * 2
