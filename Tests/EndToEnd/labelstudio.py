"""A real Label Studio server for one test: started on a free port from a migrated data folder."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import requests

SECRET_KEY = "for-tests-only"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
# The first start makes the database, which takes a minute: it is kept, and copied for each test.
MIGRATION_SECONDS = 600
START_SECONDS = 120


class LabelStudio:
    """The server, with what the tests ask of it."""

    def __init__(self, command, template, folder, document_root):
        """`template` is made when it is not there; `document_root` is what the server may show as local files."""
        if not (template / "complete").exists():
            shutil.rmtree(template, ignore_errors=True)
            partial = template.with_name(template.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            self._start(command, partial, document_root, MIGRATION_SECONDS)
            self.stop()
            (partial / "complete").touch()
            partial.rename(template)
        shutil.copytree(template, folder)
        self._start(command, folder, document_root, START_SECONDS)

    def _start(self, command, folder, document_root, seconds):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "server.log", "wb") as log:
            self.process = subprocess.Popen(
                [command, "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)],
                env=os.environ | environment(folder, document_root), stdout=log, stderr=log, start_new_session=True,
            )
        end = time.monotonic() + seconds
        while True:
            try:
                if requests.get(self.url + "/health", timeout=5).json().get("status") == "UP":
                    return
            except (requests.RequestException, ValueError):
                pass
            ended = self.process.poll() is not None
            if ended or time.monotonic() > end:
                self.stop()
                raise RuntimeError("Label Studio did not start:\n" + (folder / "server.log").read_text()[-3000:])
            time.sleep(0.5)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def call(self, method, path, status=(200, 201, 204), **options):
        answer = requests.request(
            method, self.url + path, headers={"Authorization": f"Token {TOKEN}"}, timeout=60, **options
        )
        assert answer.status_code in status, f"{method} {path}: {answer.status_code} {answer.text[:1000]}"
        return answer

    def make_project(self, configuration, frames):
        """A project with this labeling interface that may show the pictures in `frames`."""
        project = self.call("POST", "/api/projects/", json={"title": "test", "label_config": configuration}).json()["id"]
        storage = {"project": project, "path": str(frames), "use_blob_urls": True}
        self.call("POST", "/api/storages/localfiles", json=storage)
        return project

    def import_tasks(self, project, path):
        """Imports a file as a person would; returns the tasks, with the server's ids."""
        with open(path, "rb") as file:
            answer = self.call("POST", f"/api/projects/{project}/import", files={"file": (Path(path).name, file, "application/json")})
        tasks = self.call("GET", "/api/tasks", params={"project": project, "page_size": 10_000, "fields": "all"}).json()["tasks"]
        assert len(tasks) == answer.json()["task_count"]
        return tasks

    def annotate(self, task, result, **more):
        self.call("POST", f"/api/tasks/{task}/annotations/", json={"result": result, "lead_time": 1.0, **more})

    def export(self, project, path, kind="JSON"):
        """The server's own export, written to `path`."""
        path.write_bytes(self.call("GET", f"/api/projects/{project}/export", params={"exportType": kind}).content)
        return path


def environment(folder, document_root):
    return {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "LABEL_STUDIO_USERNAME": "admin@example.com",
        "LABEL_STUDIO_PASSWORD": "Test-pass-123",
        "LABEL_STUDIO_USER_TOKEN": TOKEN,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(document_root),
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "SSRF_PROTECTION_ENABLED": "false",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "SECRET_KEY": SECRET_KEY,
        "LOG_LEVEL": "WARNING",
    }
