#!/usr/bin/env python3
"""Does what the last stage of a Dockerfile says, line by line, in a folder that holds what it begins with.

  dockerfile.py DOCKERFILE FOLDER build PACKAGES      what changes the folder
  dockerfile.py DOCKERFILE FOLDER run [COMMAND...]    the entry point, with its own command or another
  dockerfile.py DOCKERFILE FOLDER health              the health check, beside it

PACKAGES is what the stage before made, which is not done here. It needs root, for chroot; no engine is asked, so that
what an engine adds (layers, its own walls, volumes) is not tried.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path


def instructions(path):
    """The lines of the last stage: pairs of an instruction and its words."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    last = max(index for index, (name, _) in enumerate(lines) if name == "FROM")
    return [(name, " ".join(words.split("\t"))) for name, words in lines[last:]]


class Container:
    """A folder as a container, and what a Dockerfile says of it."""

    def __init__(self, folder):
        self.folder = folder
        self.user, self.workdir = "root", "/"
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.entrypoint, self.command, self.health = [], [], ""

    def read(self, lines, packages):
        """Takes note of every line; does those that change the folder, if there is something to be put there."""
        for name, words in lines:
            match name:
                case "FROM" | "VOLUME":
                    pass
                case "COPY" | "RUN" if not packages:
                    pass
                case "COPY":
                    self.copy(words, packages)
                case "RUN":
                    print(f"   RUN {words}", flush=True)
                    done = subprocess.run(self.words(["sh", "-c", words]), stdout=subprocess.DEVNULL, check=False)
                    if done.returncode:
                        sys.exit(f"ended with {done.returncode}: RUN {words}")
                case "USER":
                    self.user = words
                case "WORKDIR":
                    self.workdir = words
                case "ENV":
                    self.environment |= dict(word.split("=", 1) for word in shlex.split(words))
                case "ENTRYPOINT":
                    self.entrypoint = json.loads(words)
                case "CMD":
                    self.command = json.loads(words)
                case "HEALTHCHECK":
                    self.health = words.split("CMD ", 1)[1]
                case _:
                    sys.exit(f"dockerfile.py does not know {name}")

    def copy(self, words, packages):
        print(f"   COPY {words}", flush=True)
        pattern, to = re.fullmatch(r"--from=build /packages/(\S+) (\S+)/", words).groups()
        (found,) = packages.glob(pattern)
        shutil.copy(found, self.folder / to.lstrip("/"))

    def words(self, command):
        """What runs a command in there, as the user and in the folder of the moment."""
        environment = [f"{name}={value}" for name, value in self.environment.items()]
        rights = ["setpriv", "--reuid", self.user, "--regid", self.user, "--init-groups", "--no-new-privs"]
        inside = ["sh", "-c", 'cd "$0" && exec "$@"', self.workdir, *command]
        return ["chroot", str(self.folder), "env", "-i", *environment, *rights, *inside]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dockerfile", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("what", choices=["build", "run", "health"])
    parser.add_argument("words", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    container = Container(options.folder)
    container.read(instructions(options.dockerfile), Path(options.words[0]) if options.what == "build" else None)
    if options.what == "build":
        return
    entry = container.entrypoint + (options.words or container.command)
    command = container.words(entry if options.what == "run" else ["sh", "-c", container.health])
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
