"""What every consumer's script shares: its arguments, and the answer that it leaves."""

import hashlib
import json
import sys
from pathlib import Path


class Answer:
    """Reads `KIND FORMAT BATCH FOLDER`; collects what was read."""

    def __init__(self):
        self.kind, self.format = sys.argv[1], sys.argv[2]
        self.batch, self.folder = Path(sys.argv[3]), Path(sys.argv[4])
        self.frames = {}
        self.back = {}
        # Whether it writes nothing for a frame that shows nothing.
        self.loses_empty = False

    def saw(self, name, content):
        """A frame as the consumer reads it: its file's name, and its bytes or the path of them."""
        content = content if isinstance(content, bytes) else Path(content).read_bytes()
        id = Path(name).name.split(".")[0]
        assert id not in self.frames, f"{id} is there twice"
        self.frames[id] = hashlib.sha256(content).hexdigest()

    def writes(self, label_format, path, **options):
        """Something in the folder that is to be taken back, with the format's options."""
        self.back.setdefault(label_format, []).append([str(path), options])

    def leave(self):
        (self.folder / "answer.json").write_text(json.dumps({"frames": self.frames, "back": self.back, "loses_empty": self.loses_empty}))


def does_not_read():
    sys.exit(77)
