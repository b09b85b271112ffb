"""Links that are slow, lossy, cut or watched: network namespaces of this process, joined by a cable.

Nothing outside them is changed, and nothing has to be cleaned up: they have no name, and end with the last process in
them, at the latest with this one. `with link.device:` starts processes and opens sockets on the one side,
`with link.far:` on the other.
"""

import contextlib
import ctypes
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEVICE, FAR = "10.77.0.1", "10.77.0.2"
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET; os.unshare and os.setns are there from Python 3.12 on
_libc = ctypes.CDLL(None, use_errno=True)


def _call(function, *arguments):
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _here():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def what_is_missing():
    """Why there are no links here; `None` when there are."""
    lacking = [tool for tool in ("ip", "ss", "tc", "nft", "sysctl") if not shutil.which(tool)]
    if lacking:
        return f"needs {', '.join(lacking)} (Debian's iproute2, nftables and procps)"
    try:
        Namespace().close()
    except OSError as error:
        return f"needs network namespaces, so root: {error.strerror}"
    return None


def chain(hook, *rules, counters=()):
    """Rules for every packet that comes in or goes out, for nft."""
    head = [*(f"counter {name} {{ }}" for name in counters), "chain each {", f"type filter hook {hook} priority 0;"]
    return "\n".join([f"table inet {hook} {{", *head, *rules, "}", "}", ""])


class Namespace:
    """A network of its own. Inside `with`, this thread and what it starts are in it."""

    def __init__(self):
        before = _here()
        try:
            _call(_libc.unshare, _NEW_NETWORK)
            self.file = _here()
        finally:
            _call(_libc.setns, before, _NEW_NETWORK)
            os.close(before)
        self._left = []

    @property
    def path(self):
        return f"/proc/{os.getpid()}/fd/{self.file}"

    def __enter__(self):
        self._left.append(_here())
        _call(_libc.setns, self.file, _NEW_NETWORK)
        return self

    def __exit__(self, *_):
        before = self._left.pop()
        _call(_libc.setns, before, _NEW_NETWORK)
        os.close(before)

    def close(self):
        os.close(self.file)

    def do(self, *lines):
        """Runs commands in it, each of which must succeed; returns what the last one printed."""
        for line in lines:
            with self:
                done = subprocess.run(line.split(), capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{line}: {done.stderr}"
        return done.stdout

    def rules(self, text):
        """Replaces all that nft does here."""
        with self:
            subprocess.run(["nft", "-f", "-"], input=f"flush ruleset\n{text}", text=True, check=True)

    def counters(self):
        """Packets that each named counter has seen."""
        listed = json.loads(self.do("nft -j list counters"))["nftables"]
        return {each["counter"]["name"]: each["counter"]["packets"] for each in listed if "counter" in each}

    def sent(self):
        """Bytes and packets that went out through the cable."""
        with self:
            (line,) = (line for line in Path("/proc/thread-self/net/dev").read_text().splitlines() if "eth0:" in line)
        counts = line.split(":")[1].split()
        return int(counts[8]), int(counts[9])

    def doublings(self):
        """How often TCP has doubled its wait since it last heard anything: the most of any connection."""
        return max(map(int, re.findall(r"backoff:(\d+)", self.do("ss --tcp --info"))), default=0)


class Link:
    """A device's side and the far side, and the cable between them: `eth0` on both."""

    def __init__(self, kilobits=None, loss=(0, 0), control=None):
        """`loss`: percent of the packets that get lost on the way out and on the way back. `control`: how TCP avoids
        congestion; what a system has by default differs, and on a lossy link it makes all the difference."""
        self.device, self.far = Namespace(), Namespace()
        self.device.do(f"ip link add eth0 type veth peer name eth0 netns {self.far.path}")
        for side, address in ((self.device, DEVICE), (self.far, FAR)):
            side.do(
                # Without it the kernel itself speaks: it looks for its neighbours.
                "sysctl -qew net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1",
                "ip link set lo up",
                f"ip address add {address}/24 dev eth0",
                # Each packet by itself, as on a real cable: else 64 KiB would get lost at once.
                "ip link set eth0 gso_max_segs 1",
                "ip link set eth0 up",
            )
            if control:
                side.do(f"ip route replace 10.77.0.0/24 dev eth0 src {address} congctl {control}")
            if kilobits:
                side.do(f"tc qdisc add dev eth0 root tbf rate {kilobits}kbit burst 3000 latency 400ms")
        self.lose(*loss)

    def lose(self, out, back):
        """Loses so many percent of the packets from now on, after they have gone through the cable."""
        for side, percent in ((self.far, out), (self.device, back)):
            side.rules(chain("input", f'iifname "eth0" numgen random mod 100 < {percent} drop') if percent else "")

    def cut(self):
        self.device.do("ip link set eth0 down")

    def mend(self):
        self.device.do("ip link set eth0 up")

    def close(self):
        self.device.close()
        self.far.close()


@contextlib.contextmanager
def cable(**options):
    link = Link(**options)
    try:
        yield link
    finally:
        link.close()


needed = pytest.mark.skipif(bool(_reason := what_is_missing()), reason=str(_reason))
