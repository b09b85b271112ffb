"""Batches leave for a real Label Studio by themselves, and what people say there comes back as labels."""

import base64
import hashlib
import hmac
import http.server
import json
import subprocess
import threading
import time

import pytest
import requests
from driver import kill
from labelstudio import SECRET_KEY, TOKEN

CONFIGURATION = """\
source: folder:camera
selection: {{budget: {{share: 1}}, deduplicate: false, audit_share: 1}}
sync:
  batch_samples_max: {count}
  destinations:
    - {{to: 'label-studio:{url}', name: studio, project: {project}, {more}}}
"""


@pytest.fixture
def studio(label_studio, tmp_path, monkeypatch):
    """A running server, whose token the environment has."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    return label_studio(tmp_path)


def configure(gleaner, url, count=500, project="meters", more="for: [labeling]"):
    text = CONFIGURATION.format(url=url, count=count, project=project, more=more)
    (gleaner.folder / "gleaner.yaml").write_text(text)


def collect(gleaner, camera, rows):
    """Keeps these pictures; returns the truth by name."""
    camera(*(f"meter-digits/{row['file']}" for row in rows))
    gleaner("run", "--until-end")
    return {row["file"].split("/")[-1]: row["label"] for row in rows}


def project_of(studio, title="meters"):
    (project,) = studio.call("GET", "/api/projects/", params={"title": title}).json()["results"]
    return project


def tasks_in(studio, title="meters"):
    """All tasks of a project, by sample, each of which must be there once."""
    query = {"project": project_of(studio, title)["id"], "page_size": 10_000, "fields": "all"}
    tasks = studio.call("GET", "/api/tasks", params=query).json()["tasks"]
    by_sample = {task["data"]["sample_id"]: task for task in tasks}
    assert len(by_sample) == len(tasks), "a sample has two tasks"
    return by_sample


def answer(studio, task, label):
    return studio.call("POST", f"/api/tasks/{task['id']}/annotations/", json={"result": result(label)}).json()["id"]


def result(label):
    return [{"id": "a", "from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [label]}}]


def failure_of(gleaner):
    """The failure of a visit."""
    (visit,) = json.loads(gleaner.text("sync", "--once", "--json", status=1).stdout)["visits"]
    return visit["failure"]


def test_label_studio_gets_500_frames_and_gives_labels_back(meter, camera, meter_truth, studio):
    configure(meter, studio.url)
    truth = collect(meter, camera, meter_truth["field"][:500])
    begin = time.monotonic()
    (visit,) = meter("sync", "--once", timeout=900)["visits"]
    print(f"\n500 frames to Label Studio: {time.monotonic() - begin:.1f} s")
    assert [(batch["purpose"], batch["samples"]) for batch in visit["batches"]] == [("labeling", 500)]
    assert visit["batches"][0]["folder"].startswith(studio.url) and visit["arrivals"] == []

    # Each sample is there once, with its picture, and with what the model says of it.
    samples = {id: line["sample"] for id, line in meter.samples().items()}
    tasks = tasks_in(studio)
    assert set(tasks) == set(samples)
    for id in list(tasks)[::50]:
        picture = studio.call("GET", tasks[id]["data"]["image"]).content
        assert hashlib.sha256(picture).hexdigest() == samples[id]["sha256"]
    for id, task in tasks.items():
        (prediction,) = task["predictions"]
        best = samples[id]["prediction"]["classes"][0]
        assert prediction["result"][0]["value"]["choices"] == [best["label"]]
        assert abs(prediction["score"] - best["score"]) < 1e-6
        assert (prediction["model_version"], task["meta"]["model"]) == ("gleaner", "meter-digits@1")
    project = project_of(studio)
    assert (project["model_version"], project["show_collab_predictions"]) == ("gleaner", True)

    # Somebody answers some; one is skipped.
    *answered, skipped = sorted(tasks, key=lambda id: tasks[id]["id"])[:61]
    annotations = {id: answer(studio, tasks[id], truth[samples[id]["origin"]]) for id in answered}
    studio.call("POST", f"/api/tasks/{tasks[skipped]['id']}/annotations/", json={"result": [], "was_cancelled": True})
    begin = time.monotonic()
    (visit,) = meter("sync", "--once")["visits"]
    print(f"60 labels back: {time.monotonic() - begin:.1f} s")
    (arrival,) = visit["arrivals"]
    assert (arrival["labels"]["applied"], arrival["labels"]["rejected"]) == (60, 0) and visit["batches"] == []
    model = meter("report")["models"][0]
    right = [samples[id]["prediction"]["classes"][0]["label"] == truth[samples[id]["origin"]] for id in answered]
    # Not the plain mean of the answers: what the model says of the other samples is used too.
    assert abs(model["accuracy"]["value"] - sum(right) / len(right)) < 0.05

    # Nothing happens twice, on either side.
    (visit,) = meter("sync", "--once")["visits"]
    assert visit["arrivals"] == [] and visit["batches"] == []
    assert set(tasks_in(studio)) == set(samples)

    # A correction and a late answer are taken, and nothing else is.
    first, late = answered[0], sorted(set(samples) - set(answered) - {skipped})[0]
    studio.call(
        "PATCH",
        f"/api/annotations/{annotations[first]}/",
        json={"result": result("0" if truth[samples[first]["origin"]] != "0" else "1")},
    )
    answer(studio, tasks[late], truth[samples[late]["origin"]])
    (visit,) = meter("sync", "--once")["visits"]
    labels = visit["arrivals"][0]["labels"]
    assert (labels["applied"], labels["corrected"], labels["unchanged"], labels["rejected"]) == (1, 1, 59, 0)


def test_label_studio_has_each_sample_once_after_kills(meter, camera, meter_truth, studio):
    configure(meter, studio.url, count=40)
    collect(meter, camera, meter_truth["field"][:120])
    kills = 0
    while meter("status")["queue"].get("exported", 0) < 120:
        process = meter.start("sync", "--once")
        # From the first request on.
        try:
            process.communicate(timeout=0.15 + 0.05 * (kills % 40))
        except subprocess.TimeoutExpired:
            kill(process)
            kills += 1
        assert kills < 900
    meter("sync", "--once")
    print(f"\n{kills} kills")
    assert kills >= 10 and set(tasks_in(studio)) == set(meter.samples())


def test_label_studio_projects_are_shared_and_get_new_classes(meter, camera, meter_truth, studio):
    """Tasks of other devices are left alone, and an interface that people changed stays as they want it."""
    interface = (
        '<View><Header value="Which digit?"/><Image name="image" value="$image" zoom="true"/>'
        '<Choices name="label" toName="image" choice="single"><Choice value="0"/><Choice value="illegible"/></Choices></View>'
    )
    project = studio.call("POST", "/api/projects/", json={"title": "meters", "label_config": interface}).json()["id"]
    foreign = {
        "data": {"image": "/data/upload/0/x.jpg", "sample_id": "00000000000000aa-r1x00000000000000bb-1"},
        "annotations": [{"result": result("0")}],
    }
    studio.call(
        "POST",
        f"/api/projects/{project}/import",
        json=[foreign, {"data": {"image": "/data/upload/0/y.jpg", "sample_id": 7}}],
    )
    configure(meter, studio.url)
    collect(meter, camera, meter_truth["field"][:20])
    (visit,) = meter("sync", "--once")["visits"]
    assert visit["arrivals"] == [] and visit["batches"][0]["samples"] == 20
    changed = project_of(studio)["label_config"]
    assert "Which digit?" in changed and 'value="illegible"' in changed and 'value="9"' in changed
    task = next(task for id, task in tasks_in(studio).items() if id in meter.samples())
    answer(studio, task, "9")
    (visit,) = meter("sync", "--once")["visits"]
    assert (visit["arrivals"][0]["labels"]["applied"], visit["arrivals"][0]["labels"]["rejected"]) == (1, 0)
    # One that is made for something else is not changed.
    boxes = '<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image"><Label value="a"/></RectangleLabels></View>'
    studio.call("POST", "/api/projects/", json={"title": "boxes", "label_config": boxes})
    configure(meter, studio.url, project="boxes")
    camera(*(f"meter-digits/{row['file']}" for row in meter_truth["field"][20:30]))
    meter("run", "--until-end")
    failure = failure_of(meter)
    assert failure["code"] == "destination.rejected" and "Choices named 'label'" in failure["message"]
    assert project_of(studio, "boxes")["label_config"] == boxes and project_of(studio, "boxes")["task_number"] == 0


def test_label_studio_that_refuses_or_is_away_is_a_clear_error(
    meter, camera, meter_truth, studio, monkeypatch, tmp_path
):
    configure(meter, studio.url)
    collect(meter, camera, meter_truth["field"][:10])
    for token, message in (("0" * 40, "401"), ("password", "no token"), ("", "holds no token")):
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", token)
        failure = failure_of(meter)
        assert failure["code"] == "destination.refused" and message in failure["message"], failure
        assert "token" in failure["remedy"] and (not token or token not in json.dumps(failure))
    monkeypatch.delenv("LABEL_STUDIO_API_KEY")
    configure(meter, studio.url, more=f"token_file: {tmp_path}/token")
    assert "cannot be read" in failure_of(meter)["message"]
    (tmp_path / "token").write_text(TOKEN + "\n")
    studio.stop()
    assert failure_of(meter)["code"] == "destination.offline"
    checks = json.loads(meter.text("destination", "test", "--json", status=1).stdout)["destinations"]
    assert checks[0]["failure"]["code"] == "destination.offline"
    assert meter("status")["queue"].get("exported", 0) == 0

    # What is wrong with the configuration is said before anything is asked.
    for url, more, names in (
        ("http://me:secret@localhost:1", "inbox: true", ["name or a password", "token_file"]),
        ("ftp://localhost", "inbox: true", ["label-studio:http://"]),
        ("http://localhost:1", "for: [training]", ["takes batches for labeling"]),
        ("http://localhost:1", "token_file: token", ["from the root"]),
        ("http://localhost:1", "token_file: /t, token_env: T", ["token_env"]),
        ("http://localhost:1", f"token: {TOKEN}", ["is not a known key"]),
    ):
        configure(meter, url, more=more)
        message = meter.fails("sync", "--once", naming=names)
        assert "secret" not in message and TOKEN not in message


def claims(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def expired(token):
    """The same token, given an hour earlier."""

    def encoded(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    old = claims(token)
    old |= {"iat": old["iat"] - 3600, "exp": old["exp"] - 3600}
    text = token.split(".")[0].encode() + b"." + encoded(json.dumps(old).encode())
    return (text + b"." + encoded(hmac.new(SECRET_KEY.encode(), text, "sha256").digest())).decode()


class AgeingProxy:
    """Stands before the server and lets each access token live for a few requests only."""

    def __init__(self, url, requests_each):
        uses, self.refreshes, self.refusals = {}, [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                headers = {
                    name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")
                }
                bearer = headers.get("Authorization", "").removeprefix("Bearer ")
                if self.path == "/api/token/refresh/":
                    outer.refreshes.append(claims(json.loads(body)["refresh"])["token_type"])
                elif bearer:
                    uses[bearer] = uses.get(bearer, 0) + 1
                    if uses[bearer] > requests_each:
                        headers["Authorization"] = f"Bearer {expired(bearer)}"
                answer = requests.request(self.command, url + self.path, headers=headers, data=body, timeout=60)
                if answer.status_code == 401:
                    outer.refusals.append(self.path)
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PATCH = do_DELETE = pass_on

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_label_studio_takes_a_personal_access_token_that_is_renewed(meter, camera, meter_truth, studio, monkeypatch):
    personal = studio.call("POST", "/api/token/").json()["token"]
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", personal)
    proxy = AgeingProxy(studio.url, requests_each=4)
    configure(meter, proxy.url)
    collect(meter, camera, meter_truth["field"][:40])
    (visit,) = meter("sync", "--once")["visits"]
    assert visit["batches"][0]["samples"] == 40 and set(tasks_in(studio)) == set(meter.samples())
    # Each time the token was too old, a new one was got and the request was sent again.
    assert len(proxy.refreshes) > len(proxy.refusals) >= 3 and set(proxy.refreshes) == {"refresh"}
    studio.call("POST", "/api/token/blacklist/", json={"refresh": personal})
    failure = failure_of(meter)
    assert failure["code"] == "destination.refused" and "revoked" in failure["remedy"]
