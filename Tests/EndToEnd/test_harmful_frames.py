"""Frames that the process dies of, one start after the other: they are found and dropped, and no other is."""

import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest
import requests
from badmodels.stub import compiler
from driver import write_configuration
from test_ingest import Ingest, detection

# Stands before the decoder, and dies of pictures that hold a word.
DECODER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

int tjDecompressHeader3(void *handle, const unsigned char *bytes, unsigned long count, int *width, int *height,
                        int *subsampling, int *colorspace) {
  const char *word = getenv("GLEANER_HARMFUL");
  if (word && memmem(bytes, count, word, strlen(word))) raise(SIGKILL);
  int (*real)(void *, const unsigned char *, unsigned long, int *, int *, int *, int *) =
      dlsym(RTLD_NEXT, "tjDecompressHeader3");
  return real(handle, bytes, count, width, height, subsampling, colorspace);
}
"""
WORD = b"harmful"
REASON = "frame.harmful"


@pytest.fixture
def decoder(tmp_path, monkeypatch):
    """A decoder with a flaw."""
    source, library = tmp_path / "decoder.c", tmp_path / "decoder.so"
    source.write_text(DECODER)
    subprocess.run([compiler(), "-shared", "-fPIC", "-w", source, "-o", library, "-ldl"], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("GLEANER_HARMFUL", WORD.decode())


def put(gleaner, data, count, harmful, first=0):
    """Puts pictures, each unlike the others; some of them hold the word, behind their end. Returns all names, in order."""
    pictures = sorted((data / "meter-digits/images/field").glob("*.jpg"))[first : first + count]
    names = [f"{number:03}.jpg" for number in range(first, first + count)]
    for number, (name, picture) in enumerate(zip(names, pictures, strict=True), first):
        path = gleaner.folder / "camera" / name
        shutil.copy(picture, path)
        if number in harmful:
            with open(path, "ab") as file:
                file.write(WORD)
    return names


def deaths(gleaner, starts_max=20):
    """Starts it until it ends by itself; returns how often it died before."""
    for died in range(starts_max):
        done = subprocess.run(gleaner.command("run", "--until-end"), capture_output=True, text=True, timeout=60)
        if done.returncode == 0:
            return died
        assert done.returncode == -signal.SIGKILL, done.stderr
    return starts_max


def events(gleaner):
    with closing(sqlite3.connect(f"file:{gleaner.folder / 'queue.sqlite'}?mode=ro", uri=True)) as queue:
        return [message for (message,) in queue.execute("SELECT message FROM event WHERE kind = ?", [REASON])]


def test_a_frame_that_four_processes_die_of_is_dropped_and_no_other(meter, data, decoder):
    names = put(meter, data, 60, harmful=[23])
    assert deaths(meter) == 4
    status = meter.conserved()
    assert status["frames"]["offered"] == len(names)
    assert meter.reasons("dropped") == {REASON: 1}
    (message,) = events(meter)
    assert names[23] in message and "4 processes" in message
    assert (meter.folder / "camera" / names[23]).exists()
    # It is offered never again, and nobody is a suspect any more.
    assert not (meter.folder / "frames-in-hand").exists()
    assert meter("run", "--until-end")["offered"] == 0


def test_two_harmful_frames_side_by_side_are_both_found(meter, data, decoder):
    names = put(meter, data, 30, harmful=[11, 12])
    assert deaths(meter) <= 8
    assert meter.conserved()["frames"]["offered"] == len(names)
    assert meter.reasons("dropped") == {REASON: 2}


def test_a_loop_that_rests_finds_it_too(meter, data, decoder):
    write_configuration(meter.folder, "source: folder:camera\ninference: {duty_cycle: 0.9}\n")
    names = put(meter, data, 10, harmful=[4])
    # Nothing else is ever in hand.
    assert deaths(meter) == 4
    assert meter.conserved()["frames"]["offered"] == len(names)
    assert meter.reasons("dropped") == {REASON: 1}


def test_a_frame_that_another_program_sends_again_is_found_too(gleaner, data, decoder):
    server = Ingest(gleaner)
    picture = min((data / "meter-digits/images/field").glob("*.jpg")).read_bytes() + WORD
    for _ in range(4):
        with pytest.raises(requests.ConnectionError):
            server.post(picture, detection("7", []))
        assert server.process.wait(timeout=20) == -signal.SIGKILL
        server.process = server.listening()
    answer = server.post(picture, detection("7", []))
    assert (answer["decision"], answer["reason"]) == ("dropped", REASON)
    server.stop()
    assert gleaner.reasons("dropped") == {REASON: 1}


def test_a_source_that_comes_in_small_parts_is_not_emptied_either(meter, data, decoder):
    for first in range(0, 12, 2):
        put(meter, data, 2, harmful=range(first, first + 2), first=first)
        deaths(meter)
    assert meter.reasons("dropped") == {REASON: 3}


def test_where_processes_die_of_every_frame_the_source_is_not_emptied(meter, data, decoder, monkeypatch):
    names = put(meter, data, 30, harmful=range(30))
    assert deaths(meter) == 20
    assert meter.conserved()["frames"]["offered"] == 3
    assert meter.reasons("dropped") == {REASON: 3}
    # Once it is mended, the rest is collected.
    monkeypatch.delenv("GLEANER_HARMFUL")
    assert meter("run", "--until-end")["offered"] == len(names) - 3
    assert meter.reasons("dropped") == {REASON: 3}
