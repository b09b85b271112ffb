"""The runtime that plays bad models does what a model's mark says, and nothing else."""

import resource
import signal
import socket
import subprocess
import sys
import time

import pytest
from badmodels import corpus, stub, try_model

RUNS = 4


@pytest.fixture(params=["", "--bound"], ids=["unbound", "bound"])
def trial(request, stub_runtime, tmp_path):
    """Runs a model some times in a process of its own; returns its exit status and the lines that it printed."""

    def run(model, *words, library=stub_runtime, seconds=20, **options):
        path = tmp_path / "model.onnx"
        path.write_bytes(model)
        bound = [request.param] if request.param else []
        command = [sys.executable, try_model.__file__, library, path, "--runs", str(RUNS), *bound, *words]
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False, **options)
        return done.returncode, done.stdout.decode(errors="replace").splitlines()

    return run


@pytest.fixture
def plain(trial):
    """What the good model says without the stub."""
    status, lines = trial(corpus.good(), library=stub.real_library())
    assert status == 0 and len(set(lines)) == RUNS
    return lines


def test_a_model_without_a_mark_is_served_as_ever(trial, plain):
    assert trial(corpus.good()) == (0, plain)


@pytest.mark.parametrize(("order", "status", "runs"), [
    ("crash@load", -signal.SIGSEGV, 0), ("crash@run=3", -signal.SIGSEGV, 2),
    ("abort@load", -signal.SIGABRT, 0), ("abort@run=1", -signal.SIGABRT, 0),
    ("exit@load", 0, 0), ("exit@run=2,status=7", 7, 1),
])
def test_a_process_ends_when_it_was_said(trial, plain, order, status, runs):
    assert trial(corpus.marked(order)) == (status, plain[:runs])


@pytest.mark.parametrize("order", ["hang@load", "hang@run=2", "spin@load", "spin@run=2"])
def test_a_process_goes_on_for_ever(trial, order):
    with pytest.raises(subprocess.TimeoutExpired):
        trial(corpus.marked(order), seconds=2)


@pytest.mark.parametrize(("order", "changed"), [
    ("nan@run=3", {2: "nan", 3: "nan"}), ("nan@run=2,times=1", {1: "nan"}), ("constant@run=3", {2: "first", 3: "first"}),
    ("fail@run=2,times=2", {1: "error", 2: "error"}),
])
def test_answers_change_from_the_run_on_that_was_said(trial, plain, order, changed):
    answers = {"nan": " ".join(["nan"] * 10), "first": plain[0], "error": "error: the model was told to fail"}
    expected = [answers[changed[run]] if run in changed else plain[run] for run in range(RUNS)]
    assert trial(corpus.marked(order)) == (0, expected)


def test_a_load_can_fail(trial):
    assert trial(corpus.marked("fail@load")) == (0, ["error: the model was told to fail"])


def test_a_model_can_be_slow(trial, plain):
    begin = time.monotonic()
    assert trial(corpus.marked("slow@run=2,ms=300")) == (0, plain)
    assert time.monotonic() - begin > 0.9


def test_a_leak_fails_where_memory_is_limited(trial, plain):
    assert trial(corpus.marked("leak@run=2,mib=16")) == (0, plain)
    limit = 2 << 30
    limited = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))}
    _, lines = trial(corpus.marked("leak@run=2,mib=4096,max=8192"), **limited)
    assert lines == [plain[0]] + ["error: Failed to allocate memory"] * 3


def test_a_model_can_print(trial):
    _, lines = trial(corpus.marked("output@run=1,kib=4"))
    assert sum("rubbish of a model" in line for line in lines) > 100


def test_a_model_can_write_and_connect(trial, plain, tmp_path):
    assert trial(corpus.marked(f"write@run=2,path={tmp_path}/written")) == (0, plain)
    assert (tmp_path / "written").exists()
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert trial(corpus.marked(f"connect@run=2,port={server.getsockname()[1]},times=1")) == (0, plain)
        server.settimeout(1)
        server.accept()[0].close()


def test_a_model_can_spare_other_processes(trial, plain):
    model = corpus.marked("crash@run=2,in=run")
    assert trial(model) == (0, plain)
    assert trial(model, "running") == (0, plain)
    assert trial(model, "run") == (-signal.SIGSEGV, plain[:1])


@pytest.mark.parametrize("order", [
    "crush@load", "crash", "crash@", "crash@run=", "crash@run=1x", "crash@load,run=1", "nan@load", "crash@run=1,loud=1",
])
def test_a_mark_that_makes_no_sense_is_an_error(trial, order):
    status, (line,) = trial(corpus.marked(order))
    assert status == 0 and "does not understand the mark" in line
