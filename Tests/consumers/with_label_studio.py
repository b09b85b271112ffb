"""A real Label Studio: pre-labels are seen, annotations come back."""

import json
import os
import sys
from pathlib import Path

from answers import Answer, does_not_read

sys.path.append(str(Path(__file__).resolve().parent.parent / "EndToEnd"))
from labelstudio import LabelStudio  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402



def screenshot(url, path):
    """A task as a person sees it, with what the model said."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(url.split("/projects")[0] + "/user/login/")
        page.fill("input[name=email]", "admin@example.com")
        page.fill("input[name=password]", "Test-pass-123")
        page.click("button[type=submit]")
        page.goto(url)
        page.wait_for_selector(".lsf-main-view, .lsf-editor, [class*=lsf-]", timeout=60_000)
        page.wait_for_timeout(5_000)
        page.screenshot(path=str(path))
        browser.close()


answer = Answer()
if answer.format != "label-studio":
    does_not_read()
server = LabelStudio(os.environ["LABEL_STUDIO_BIN"], Path(os.environ["LABEL_STUDIO_TEMPLATE"]), answer.folder / "server", answer.batch)
try:
    project = server.make_project((answer.batch / "label-studio-config.xml").read_text(), answer.batch / "frames")
    written = json.loads((answer.batch / "label-studio.json").read_text())
    samples = {each["id"]: each for each in map(json.loads, (answer.batch / "samples.jsonl").read_text().splitlines())}
    # What people said goes in as what the model says, as a batch for labeling has it; a person then agrees.
    for task in written:
        results = task.pop("annotations")[0]["result"]
        task["predictions"] = [{"model_version": "v1", "score": 0.5, "result": [{**each, "score": 0.5} for each in results]}]
    file = answer.folder / "tasks.json"
    file.write_text(json.dumps(written))
    tasks = server.import_tasks(project, file)
    for task in tasks:
        sample = samples[task["data"]["sample_id"]]
        answer.saw(f"{sample['id']}.x", server.call("GET", task["data"]["image"]).content)
    busiest = max(tasks, key=lambda task: len(samples[task["data"]["sample_id"]]["label"].get("boxes", [1])))
    screenshot(f"{server.url}/projects/{project}/data?task={busiest['id']}", answer.folder / "pre-labels.png")
    agreed = {task["data"]["sample_id"]: task["predictions"][0]["result"] for task in written}
    for task in tasks:
        server.annotate(task["id"], agreed[task["data"]["sample_id"]])
    exported = server.export(project, answer.folder / "annotated.json")
    answer.writes("label-studio", Path(exported).name)
finally:
    server.stop()
answer.leave()
