"""Frames that other programs hand over with their predictions: kept, answered and remembered like our own."""

import grp
import importlib
import io
import json
import os
import random
import re
import socket
import stat
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import requests
import yaml
from driver import ROOT, SCHEMAS, kill, samples_of, stop, validator, wait_for, write_configuration
from hostile import png_header
from PIL import Image

# The storm of everything that writes has ten times as many.
KILLS = max(3, int(os.environ.get("GLEANER_KILLS", "200")) // 10)
KEEP_ALL = "selection: {budget: {share: 1}, deduplicate: false}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def picture(number, size=(96, 64), kind="JPEG"):
    """A picture that looks like no other: a coarse pattern of its own."""
    image = Image.frombytes("RGB", (12, 8), random.Random(number).randbytes(12 * 8 * 3)).resize(size)
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def detection(id, boxes, **more):
    return {"id": id, "model": {"name": "wasps", "version": 1}, "task": "detection", "labels": ["wasp", "hornet"], "boxes": boxes} | more


def box(label="wasp", score=0.5, x=10, y=12, width=20, height=16):
    return {"label": label, "score": score, "x": x, "y": y, "width": width, "height": height}


def connects(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Ingest:
    """A deployment that takes frames, while it collects."""

    def __init__(self, gleaner, source="", more=KEEP_ALL):
        self.gleaner = gleaner
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1/frames"
        write_configuration(gleaner.folder, f"source: {{type: ingest, listen: 127.0.0.1:{self.port}{source}}}\n{more}\n")
        self.process = self.listening()

    def listening(self):
        """A collector that takes frames by now."""
        process = self.gleaner.collecting()
        wait_for(lambda: connects(self.port))
        return process

    def post(self, frame, prediction, status=200, **options):
        text = prediction if isinstance(prediction, str) else json.dumps(prediction)
        answer = requests.post(self.url, files={"frame": frame, "prediction": text}, timeout=30, **options)
        assert answer.status_code == status, answer.text
        document = answer.json()
        validator("ingest-answer" if status == 200 else "ingest-error").validate(document)
        return document

    def stop(self):
        return stop(self.process)


@pytest.fixture
def ingest(gleaner):
    """Starts a deployment that takes frames and keeps them all, and ends it after the test."""
    started = []

    def start(source="", more=KEEP_ALL):
        started.append(Ingest(gleaner, source, more))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.stop()


def test_a_frame_that_is_handed_over_is_kept_with_its_boxes(ingest, gleaner, tmp_path):
    server = ingest()
    frame = picture(1)
    answer = server.post(frame, detection("a-1", [box(), box("hornet", 0.9, 40, 20, 30.5, 21.25)], captured_at="2026-05-01T10:00:00Z"))
    assert answer["decision"] == "stored" and answer["known"] is False
    server.stop()
    (line,) = gleaner.samples().values()
    sample = line["sample"]
    assert sample["id"] == answer["sample"] and sample["reason"] == answer["reason"]
    assert (sample["source"], sample["origin"], sample["captured_at"]) == ("ingest", "a-1", "2026-05-01T10:00:00.000Z")
    assert (sample["model"]["name"], sample["model"]["version"]) == ("wasps", 1)
    batch = gleaner.export("labeling", "coco", tmp_path / "out")
    (file,) = (batch / "frames").iterdir()
    assert file.read_bytes() == frame
    coco = json.loads((batch / "coco.json").read_text())
    assert [category["name"] for category in coco["categories"]] == ["wasp", "hornet"]
    assert [each["bbox"] for each in coco["annotations"]] == [[40, 20, 30.5, 21.25], [10, 12, 20, 16]]
    gleaner.conserved()


def test_classes_are_kept_in_their_order_and_nothing_needs_a_model_or_a_runtime(ingest, gleaner, monkeypatch, tmp_path):
    monkeypatch.setenv("GLEANER_ONNXRUNTIME", "/nowhere")
    server = ingest(", labels: [wasp, hornet, bee]")
    message = {"id": "1", "model": {"name": "insects", "version": 3}, "task": "classification", "probabilities": {"hornet": 0.6}}
    assert server.post(picture(1), message)["decision"] == "stored"
    status = gleaner("status")
    assert (status["model"]["name"], status["model"]["version"]) == ("insects", 3) and status["problems"] == []
    assert gleaner("check")["problems"] == []
    server.stop()
    (line,) = gleaner.samples().values()
    classes = line["sample"]["prediction"]["classes"]
    assert [each["label"] for each in classes] == ["hornet", "wasp", "bee"]
    assert [round(each["score"], 4) for each in classes] == [0.6, 0.2, 0.2]
    gleaner("label", "set", line["short"], "bee")
    gleaner("report")
    gleaner("model", "list")
    gleaner("lineage", line["short"])
    batch = gleaner.export("training", "imagefolder,csv", tmp_path / "out")
    (sample,) = samples_of(batch)
    assert sample["label"]["class"] == "bee" and (batch / sample["file"]).exists()


def test_frames_are_judged_like_our_own(ingest, gleaner):
    """The like of a kept frame is not kept again, and a budget of 2 % lets few of the others in."""
    server = ingest(more="selection: {budget: {share: 2 %}, audit_share: 0, keep_factor: 1}")
    decisions = [server.post(picture(number), detection(f"{number}", [box(score=0.5)])) for number in range(1, 60)]
    assert {each["decision"] for each in decisions} == {"stored", "rejected"}
    kept = sum(each["decision"] == "stored" for each in decisions)
    assert 1 <= kept <= 10
    first = next(number for number, each in enumerate(decisions, 1) if each["decision"] == "stored")
    answer = server.post(picture(first), detection("again", [box()]))
    assert (answer["decision"], answer["reason"], answer["sample"]) == ("rejected", "duplicate", None)
    assert gleaner.conserved()["frames"]["offered"] == 60


def test_what_the_other_model_sees_tells_which_frames_are_alike(ingest):
    """Features as far apart as can be, and then one of them again, in a picture that looks otherwise."""
    server = ingest(more="selection: {budget: {share: 1}, audit_share: 0, uncertainty_weight: 1}")
    features = [[float(number == place) for place in range(40)] for number in range(40)]
    for number in range(1, 31):
        message = detection(f"{number}", [box(score=0.5)], embedding=features[number])
        answer = server.post(picture(number), message)
        assert answer["decision"] == "stored", answer
    answer = server.post(picture(31), detection("31", [box(score=0.5)], embedding=[7 * each for each in features[3]]))
    assert (answer["decision"], answer["reason"]) == ("rejected", "duplicate")
    assert server.post(picture(32), detection("32", [box(score=0.5)], embedding=features[32]))["decision"] == "stored"


def test_a_model_is_known_by_its_name_and_version(ingest, gleaner):
    server = ingest()
    server.post(picture(1), detection("1", []))
    other = detection("2", []) | {"labels": ["wasp"]}
    assert server.post(picture(2), other, 409)["code"] == "model.differs"
    other["model"] = {"name": "wasps", "version": 2}
    assert server.post(picture(2), other)["decision"] == "stored"
    assert server.post(picture(3), detection("3", [box("hornet")]))["decision"] == "stored"
    server.stop()
    models = {(each["model"]["version"], each["state"]) for each in gleaner("model", "list")["models"]}
    assert {version for version, _ in models} == {1, 2} and (1, "active") in models
    assert [line["sample"]["model"]["version"] for line in gleaner.samples().values()] in ([1, 2, 1], [1, 2, 1][::-1])


def test_the_same_id_is_answered_and_not_taken_again(ingest, gleaner):
    server = ingest()
    message = detection("a", [box()])
    first = server.post(picture(1), message)
    again = server.post(picture(1), message)
    assert again == first | {"known": True}
    assert server.post(picture(1), message | {"client": "porch"})["known"] is False, "another client's id is another one"
    server.stop()
    server = ingest()
    assert server.post(picture(9), message) == first | {"known": True}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: server.post(picture(5), detection("b", [box()])), range(6)))
    assert len({each["sample"] for each in answers}) == 1 and sum(not each["known"] for each in answers) == 1
    assert gleaner.conserved()["frames"]["offered"] == 3
    assert len(gleaner.samples()) == 3


def post_until_answered(url, frame, message, seconds=60):
    """What a careful client does: the same id again until there is an answer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = requests.post(url, files={"frame": frame, "prediction": json.dumps(message)}, timeout=10)
        except requests.RequestException:
            answer = None
        if answer is not None and answer.status_code == 200:
            return answer.json()
        assert answer is None or answer.status_code in (429, 503), answer.text
        if answer is not None:
            assert int(answer.headers["Retry-After"]) >= 1
        assert time.monotonic() < deadline, "nobody answers"
        time.sleep(0.02)


def test_four_threads_of_a_client_hand_over_every_frame(ingest, gleaner):
    server = ingest()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: post_until_answered(server.url, picture(number), detection(f"{number}", [box()])), range(1, 81)))
    assert len({each["sample"] for each in answers}) == 80
    server.stop()
    assert {line["sample"]["origin"] for line in gleaner.samples().values()} == {f"{number}" for number in range(1, 81)}
    gleaner.conserved()


def test_what_was_answered_survives_kill_9_in_a_storm(ingest, gleaner):
    """Four clients send again and again, and the collector dies under them: each answered frame is there, once."""
    server = ingest(", frames_waiting_max: 3")
    count = 20 * KILLS
    answered = {}

    def client(numbers):
        for number in numbers:
            answered[f"{number}"] = post_until_answered(server.url, picture(number), detection(f"{number}", [box()]))

    chance = random.Random(int(os.environ.get("GLEANER_STORM_SEED", "7")))
    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(client, range(first, count + 1, 4)) for first in range(1, 5)]
        kills = 0
        while not all(each.done() for each in work):
            goal = len(answered) + chance.randrange(1, 25)
            wait_for(lambda goal=goal: len(answered) >= goal or all(each.done() for each in work), seconds=60)
            if kills < KILLS:
                kill(server.process)
                kills += 1
                server.process = server.listening()
        for each in work:
            each.result()
    assert kills >= KILLS / 2 and len(answered) == count
    server.stop()
    samples = gleaner.samples()
    assert Counter(line["sample"]["origin"] for line in samples.values()) == {id: 1 for id in answered}
    for id, answer in answered.items():
        assert samples[answer["sample"]]["sample"]["origin"] == id
    assert gleaner.conserved()["frames"]["offered"] == count


def test_more_frames_than_there_are_places_are_refused_at_once(ingest, gleaner):
    server = ingest(", frames_waiting_max: 1")
    answers = []

    def send(number):
        began = time.monotonic()
        answer = requests.post(server.url, files={"frame": picture(number), "prediction": json.dumps(detection(f"{number}", []))}, timeout=30)
        answers.append((answer, time.monotonic() - began))

    while not any(answer.status_code == 429 for answer, _ in answers) and len(answers) < 400:
        first = len(answers)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(first, first + 8)))
    refused = [(answer, seconds) for answer, seconds in answers if answer.status_code == 429]
    assert refused, "nothing was refused"
    for answer, _ in refused:
        assert answer.headers["Retry-After"] == "1"
        validator("ingest-error").validate(answer.json())
    assert {answer.status_code for answer, _ in answers} == {200, 429}
    taken = sum(answer.status_code == 200 for answer, _ in answers)
    assert gleaner.conserved()["frames"]["offered"] == taken


def test_other_machines_need_a_token(gleaner):
    port = free_port()
    write_configuration(gleaner.folder, f"source: {{type: ingest, listen: 0.0.0.0:{port}}}\n")
    gleaner.fails("run", naming=["0.0.0.0", "token_file"])
    write_configuration(gleaner.folder, f"source: {{type: ingest, listen: 0.0.0.0:{port}, token_file: token}}\n{KEEP_ALL}\n")
    for content, wrong in ((None, "cannot be read"), ("short\n", "16 characters")):
        if content:
            (gleaner.folder / "token").write_text(content)
        gleaner.fails("run", naming=["token", wrong])
        (problem,) = gleaner("check", status=1)["problems"]
        assert problem["path"] == "source" and wrong in problem["message"] and problem["remedy"]
    (gleaner.folder / "token").write_text("correct-horse-battery\n")
    assert gleaner("check")["problems"] == []
    process = gleaner.collecting()
    wait_for(lambda: connects(port))
    url = f"http://127.0.0.1:{port}/v1/frames"
    parts = {"frame": picture(1), "prediction": json.dumps(detection("1", []))}
    for headers in ({}, {"Authorization": "Bearer wrong-horse-battery"}, {"Authorization": "correct-horse-battery"}):
        answer = requests.post(url, files=parts, headers=headers, timeout=10)
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
        validator("ingest-error").validate(answer.json())
    answer = requests.post(url, files=parts, headers={"Authorization": "Bearer correct-horse-battery"}, timeout=10)
    assert answer.json()["decision"] == "stored"
    _, output, errors = stop(process)
    assert "correct-horse" not in output + errors


def answers(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def curl(socket_path, frame, message, tmp_path):
    (tmp_path / "frame.jpg").write_bytes(frame)
    (tmp_path / "prediction.json").write_text(json.dumps(message))
    command = ["curl", "-sS", "--fail-with-body", "--unix-socket", str(socket_path), "-F", f"frame=@{tmp_path}/frame.jpg"]
    command += ["-F", f"prediction=<{tmp_path}/prediction.json", "http://gleaner/v1/frames"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_socket_is_its_owners_alone(gleaner, tmp_path):
    write_configuration(gleaner.folder, f"source: {{type: ingest, socket: ingest.sock}}\n{KEEP_ALL}\n")
    path = gleaner.folder / "ingest.sock"
    process = gleaner.collecting()
    wait_for(path.exists)
    assert stat.S_ISSOCK(path.stat().st_mode) and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert curl(path, picture(1), detection("1", []), tmp_path)["decision"] == "stored"
    kill(process)
    assert path.exists(), "a killed collector cannot take its socket away"
    process = gleaner.collecting()
    wait_for(lambda: answers(path))
    assert curl(path, picture(1), detection("1", []), tmp_path)["known"] is True
    stop(process)
    assert not path.exists()
    group = grp.getgrgid(os.getgid()).gr_name
    write_configuration(gleaner.folder, f"source: {{type: ingest, socket: ingest.sock, socket_group: {group}}}\n{KEEP_ALL}\n")
    process = gleaner.collecting()
    wait_for(path.exists)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660 and path.stat().st_gid == os.getgid()
    stop(process)
    path.write_text("a file of somebody's")
    gleaner.fails("run", naming=["ingest.sock", "no socket"])
    assert path.read_text() == "a file of somebody's"
    assert not list(gleaner.folder.glob("ingest.sock.*"))


def test_a_large_frame_is_taken_and_a_larger_one_is_not(ingest):
    server = ingest(", body_bytes_max: 2 MiB")
    noise = random.Random(1).randbytes(800 * 800 * 3)
    file = io.BytesIO()
    Image.frombytes("RGB", (800, 800), noise).save(file, "PNG")
    assert 1_900_000 < len(file.getvalue()) < 2 << 20
    assert server.post(file.getvalue(), detection("1", []))["decision"] == "stored"
    assert server.post(file.getvalue() + bytes(1 << 20), detection("2", []), 413)["code"] == "ingest.too_large"


def test_what_is_no_request_is_refused_in_words(ingest, gleaner):
    server = ingest()
    sound, message = picture(1), detection("1", [])
    root = server.url.removesuffix("/v1/frames")
    cases = [
        (404, requests.post(root, data=b"x")),
        (404, requests.get(f"{root}/v1/frames/1")),
        (403, requests.post(server.url, files={"frame": sound, "prediction": json.dumps(message)}, headers={"Origin": "http://example.org"})),
        (405, requests.get(server.url)),
        (405, requests.delete(server.url)),
        (415, requests.post(server.url, json=message)),
        (415, requests.post(server.url, data=sound, headers={"Content-Type": "image/jpeg"})),
        (415, requests.post(server.url)),
        (400, requests.post(server.url, data=b"", headers={"Content-Type": "multipart/form-data; boundary=x"})),
        (400, requests.post(server.url, files={"frame": sound})),
        (400, requests.post(server.url, files={"frame": sound, "prediction": "{}", "more": "x"})),
        (400, requests.post(server.url, files={"frame": sound, "prediction": "{"})),
        (422, requests.post(server.url, files={"frame": sound, "prediction": json.dumps(message | {"boxes": [box("bee")]})})),
        (422, requests.post(server.url, files={"frame": b"", "prediction": json.dumps(message)})),
        (422, requests.post(server.url, files={"frame": b"GIF89a" + bytes(100), "prediction": json.dumps(message)})),
        (422, requests.post(server.url, files={"frame": png_header(100_000, 100_000), "prediction": json.dumps(message)})),
        (422, requests.post(server.url, files={"frame": sound[: len(sound) // 2], "prediction": json.dumps(message)})),
        (422, requests.post(server.url, files={"frame": png_header(100, 100), "prediction": json.dumps(detection("2", []))})),
    ]
    for number, (status, answer) in enumerate(cases):
        assert answer.status_code == status, f"case {number}: {answer.status_code} {answer.text}"
        validator("ingest-error").validate(answer.json())
    assert server.post(sound, detection("3", []))["decision"] == "stored"
    reasons = gleaner.reasons("dropped")
    assert set(reasons) <= {"picture.truncated", "picture.malformed"} and sum(reasons.values()) == 2
    gleaner.conserved()


def raw(port, data, seconds=20):
    """Sends bytes, and returns what comes back until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        try:
            connection.sendall(data)
        except OSError:
            pass
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received


def test_hostile_connections_end_and_leave_the_others_alone(ingest, gleaner):
    server = ingest(", request_seconds_max: 1")
    head = b"POST /v1/frames HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    memory = gleaner_memory(server.process)
    slow = {
        "nothing at all": b"",
        "half a header": b"POST /v1/frames HT",
        "half a body": head + b"Content-Length: 1000\r\n\r\n--b",
        "a body that is refused and never comes": b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
    }
    with ThreadPoolExecutor(40) as pool:
        ends = {name: [pool.submit(raw, server.port, data) for _ in range(8)] for name, data in slow.items()}
        assert server.post(picture(1), detection("1", []))["decision"] == "stored"
        for name, futures in ends.items():
            for future in futures:
                answer = future.result(timeout=20)
                assert not answer.startswith(b"HTTP/1.1 200"), name
    for data in (
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(2000)) + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        head + b"Content-Length: -5\r\n\r\n",
        head + b"Content-Length: 99999999999999999999999\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        head + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ):
        assert b" 200 " not in raw(server.port, data)[:20]
    endless = b"%x\r\n" % 65536 + b"x" * 65536 + b"\r\n"
    assert b" 413 " in raw(server.port, head + b"Transfer-Encoding: chunked\r\n\r\n" + endless * 300)[:20]
    assert server.post(picture(2), detection("2", []))["decision"] == "stored"
    assert gleaner_memory(server.process) - memory < 96 << 20


def gleaner_memory(process):
    pages = int(open(f"/proc/{process.pid}/statm").read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_a_stop_ends_it_whatever_clients_do(ingest, gleaner):
    server = ingest()
    server.post(picture(1), detection("1", []))
    idle = socket.create_connection(("127.0.0.1", server.port))
    slow = socket.create_connection(("127.0.0.1", server.port))
    slow.sendall(b"POST /v1/frames HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n--b")
    began = time.monotonic()
    code, _, errors = server.stop()
    assert code == 0, errors
    assert time.monotonic() - began < 6
    idle.close()
    slow.close()
    gleaner.conserved()


def test_who_predicts_is_said_by_the_frames_alone(ingest, gleaner, meter_bundles):
    server = ingest()
    server.post(picture(1), detection("1", [box()]))
    gleaner("model", "import", meter_bundles[1])
    wait_for(lambda: gleaner("status")["model"]["name"] == "wasps")
    assert server.post(picture(2), detection("2", [box()]))["decision"] == "stored"
    _, _, errors = server.stop()
    assert "no model serves where frames bring predictions" in errors
    assert {line["sample"]["model"]["name"] for line in gleaner.samples().values()} == {"wasps"}
    gleaner("model", "activate", "meter-digits")
    write_configuration(gleaner.folder, f"source: folder:camera\n{KEEP_ALL}\n")
    gleaner("run", "--until-end")
    write_configuration(gleaner.folder, "source: ingest\n")
    gleaner.fails("run", "--until-end", naming=["no last one"])


def test_an_address_that_is_taken_is_said(gleaner):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        write_configuration(gleaner.folder, f"source: {{type: ingest, listen: 127.0.0.1:{port}}}\n")
        gleaner.fails("run", naming=[f"127.0.0.1:{port}", "choose another"])


def test_the_interface_is_described_and_refers_to_the_schemas():
    document = yaml.safe_load((SCHEMAS / "ingest.openapi.yaml").read_text())
    assert document["openapi"].startswith("3.1")
    operation = document["paths"]["/v1/frames"]["post"]
    names = re.findall(r"\$ref: ([a-z.-]+)", (SCHEMAS / "ingest.openapi.yaml").read_text())
    assert set(names) == {"ingest-frame.schema.json", "ingest-answer.schema.json", "ingest-error.schema.json"}
    assert set(operation["responses"]) == {"200", "400", "401", "403", "409", "413", "415", "422", "429", "503"}
    for valid in (detection("1", [box()]), detection("1", []) | {"score_min": 0.4, "embedding": [0.5, 1], "client": "porch"}):
        validator("ingest-frame").validate(valid)
    for wrong in ({}, {"probabilities": [1]}, {"boxes": [box(score=2)]}, {"boxes": [box(width=0)]}, {"boxs": []}, {"task": "classification"}):
        assert not validator("ingest-frame").is_valid((detection("1", []) | wrong) if wrong else {}), wrong


def example(name):
    """A module of Examples/ingest."""
    sys.path.insert(0, str(ROOT / "Examples" / "ingest"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def boxes_of(gleaner):
    """Boxes of every sample, by class: left, top, width and height."""
    lines = [line["sample"]["prediction"] for line in gleaner.samples().values()]
    return [sorted((each["label"], *(round(each["box"][key], 2) for key in ("x", "y", "width", "height"))) for each in line["boxes"]) for line in lines]


def test_detections_of_supervision_are_handed_over(ingest, gleaner):
    """The shape that supervision documents for `Detections`; the library itself is not at hand."""
    roboflow = example("roboflow")
    server = ingest()
    sink = roboflow.Sink(roboflow.Handover(server.url), name="wasps", version=3, labels=["wasp", "hornet"])
    detections = SimpleNamespace(
        xyxy=np.array([[10, 12, 30.5, 28], [40, 20, 40, 30], [-3, 50, 20, 70]], dtype=np.float32),
        confidence=np.array([0.9, 0.8, 0.07], dtype=np.float32),
        class_id=np.array([0, 1, 1]),
        data={"class_name": np.array(["wasp", "hornet", "hornet"])},
    )
    assert sink(picture(1), detections)["decision"] == "stored"
    empty = SimpleNamespace(xyxy=np.empty((0, 4)), confidence=np.empty(0), data={"class_name": np.empty(0)})
    assert sink(picture(2), empty)["known"] is False
    server.stop()
    assert sorted(boxes_of(gleaner)) == [[], [("hornet", 0, 50, 20, 14), ("wasp", 10, 12, 20.5, 16)]][-len(gleaner.samples()):]


def test_detections_of_an_oak_camera_are_handed_over(ingest, gleaner):
    """The shape that Luxonis documents for `ImgDetections`; the camera itself is not at hand."""
    oak = example("oak")
    server = ingest()
    sink = oak.Sink(oak.Handover(server.url), name="barn", version=1, labels=["cow", "calf"])
    found = [
        SimpleNamespace(label=1, confidence=0.75, xmin=0.25, ymin=0.5, xmax=0.5, ymax=0.75),
        SimpleNamespace(label=0, confidence=0.5, xmin=-0.01, ymin=0, xmax=0.5, ymax=1.02),
    ]
    assert sink(picture(1), 96, 64, SimpleNamespace(detections=found))["decision"] == "stored"
    server.stop()
    assert boxes_of(gleaner) == [[("calf", 24, 32, 24, 16), ("cow", 0, 0, 48, 64)]]


def test_the_examples_client_sends_again_and_says_why_it_gives_up(ingest, gleaner):
    handover = example("handover")
    port = free_port()
    sent = handover.Handover(f"http://127.0.0.1:{port}/v1/frames", patience_seconds=0.5)
    with pytest.raises(TimeoutError):
        sent(picture(1), detection("1", []))
    server = ingest()
    sent = handover.Handover(server.url)
    with pytest.raises(handover.Refused, match="none of the labels"):
        sent(picture(1), detection("1", [box("bee")]))
    kill(server.process)
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(sent, picture(2), detection("2", [box()]))
        server.process = server.listening()
        assert later.result(timeout=30)["decision"] == "stored"
