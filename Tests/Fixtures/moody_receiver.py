"""The example receiver with a mood: `moody_receiver.py MOOD OPTIONS...` misbehaves as the mood says, once or always."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Examples" / "receiver"))
import receiver

MOOD = sys.argv.pop(1)
patches = 0


class MoodyHandler(receiver.Handler):
    def on_patch(self, body):
        global patches
        patches += 1
        if MOOD == "garbles" or MOOD == "garbles-once" and patches == 2:
            body = bytes([body[0] ^ 1]) + body[1:]
        archive = self.server.incoming.parts(self.batch())[0]
        if MOOD == "forgets" and patches == 3:
            os.truncate(archive, archive.stat().st_size // 2)
        if MOOD == "loses" and patches == 3 or MOOD == "loses-always":
            archive.unlink(missing_ok=True)
        answer = super().on_patch(body)
        if MOOD == "dies" and patches == 3:
            os._exit(9)  # the bytes are there, and nobody is told
        return answer

    def answer(self, status, headers, text):
        if MOOD == "no-receipt":
            headers.pop("Gleaner-Receipt", None)
        if MOOD == "foreign-receipt" and "Gleaner-Receipt" in headers:
            headers["Gleaner-Receipt"] = "0" * 64
        if MOOD == "foreign-location" and "Location" in headers:
            headers["Location"] = f"http://127.0.0.2:{self.server.server_port}{headers['Location']}"
        if MOOD == "no-checksums" and "Tus-Extension" in headers:
            headers["Tus-Extension"] = "creation"
        super().answer(status, headers, text)


def dying_rename(source, target, rename=os.rename):
    """A batch gets its name here: dies before that, or right after."""
    if MOOD == "dies-named":
        rename(source, target)
    os._exit(9)


if MOOD in ("dies-unpacked", "dies-named"):
    os.rename = dying_rename
receiver.main(MoodyHandler)
