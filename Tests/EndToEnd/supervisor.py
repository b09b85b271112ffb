"""What surrounds a collector on a device: the supervisor that starts it again, and the camera that goes on."""

import os
import subprocess
import threading
import time
from pathlib import Path

from badmodels import corpus


class Supervisor:
    """Keeps `gleaner run` going as systemd does with `Restart=always`, until it is told to stop."""

    DELAY_SECONDS, DELAY_GROWTH, DELAY_SECONDS_MAX = 0.1, 1.5, 2.0

    def __init__(self, gleaner, log_folder):
        self.gleaner = gleaner
        self.log_folder = Path(log_folder)
        self.restart_count = 0
        # For how long nothing ran because it waited.
        self.away_seconds = 0.0
        self._is_stopping = threading.Event()
        self._process = None
        self._thread = threading.Thread(target=self._keep_running, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._is_stopping.set()
        while self._thread.is_alive():
            if self._process:
                self._process.kill()
            self._thread.join(0.1)

    def stop(self, seconds=20):
        """Asks the collector to end; returns its exit status."""
        self._is_stopping.set()
        self._process.terminate()
        return self._process.wait(timeout=seconds)

    def log(self):
        """What the last runs wrote, for messages."""
        logs = sorted(self.log_folder.glob("run-*.log"))[-5:]
        return "\n".join(path.read_text(errors="replace")[-1000:] for path in logs)

    def _keep_running(self):
        # A device has no debugger to wait for after a crash.
        environment = os.environ | {"SWIFT_BACKTRACE": "enable=no"}
        delay = self.DELAY_SECONDS
        while True:
            with open(self.log_folder / f"run-{self.restart_count:03}.log", "w") as log:
                command = self.gleaner.command("run")
                self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
            status = self._process.wait()
            if self._is_stopping.wait(delay):
                return
            with open(self.log_folder / f"run-{self.restart_count:03}.log", "a") as log:
                log.write(f"\n(ended with {status}; started again after {delay:.1f} s)\n")
            self.restart_count += 1
            self.away_seconds += delay
            delay = min(delay * self.DELAY_GROWTH, self.DELAY_SECONDS_MAX)


class Camera:
    """Puts ten numbered frames a second into a folder, each unlike all others, until it is told to stop."""

    INTERVAL_SECONDS = 0.1

    def __init__(self, folder, light=0.5):
        self.folder = folder
        self.light = light
        self.names = []
        # When each was put, by the monotonic clock.
        self.moments = []
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self.stop()

    def stop(self):
        self._is_stopping.set()
        self._thread.join()

    def _feed(self):
        while not self._is_stopping.wait(self.INTERVAL_SECONDS):
            self.moments.append(time.monotonic())
            self.names.append(corpus.put(self.folder, len(self.names), self.light))


def wait_until(holds, seconds, what):
    """Asks again and again; returns the first answer that is true."""
    deadline = time.monotonic() + seconds
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"{what() if callable(what) else what} ({seconds} s)"
        time.sleep(0.05)
    return answer
