#!/usr/bin/env python3
"""A small receiver of batches: the other side of Gleaner's destinations `https` and `http`. Needs Python 3.9, no more.

    python3 receiver.py --folder incoming --port 8080

takes batches from the same machine, for a first try. For devices elsewhere it needs a certificate and a token (one word
in a file, the same on the devices):

    python3 receiver.py --folder incoming --host 0.0.0.0 --port 8443 \\
        --tls-cert server.pem --tls-key server.key --token-file token

and in each device's gleaner.yaml:

    sync:
      destinations:
        - to: https://receiver.example:8443/
          token_file: /etc/gleaner/token
          ca: /etc/gleaner/server.pem       # only for a certificate of one's own

Whole batches lie in `incoming/device=<id>/date=<day>/batch-<id>/`; nothing else ever has such a name. Uploads that are
under way, and what is being unpacked, lie in `incoming/.uploads/` and are removed after 30 days without a byte.

It speaks tus 1.0.0 (https://tus.io/protocols/resumable-upload) with the extensions creation, checksum and termination.
An upload is the tar of a batch and is named after the batch's id, the SHA-256 of its `manifest.json`. Bytes are flushed
before they are acknowledged. When all are there, they are unpacked, every file is held against the manifest, the batch
gets its name, and only then the answer says `Gleaner-Receipt: <id>`. It may be killed at any moment.
"""

import argparse
import base64
import datetime
import errno
import hashlib
import hmac
import re
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from incoming import Incoming, Refusal

BODY_BYTES_MAX = 16 << 20


class Head:
    """The lines of a request's head, as they are read; the last of them is remembered."""

    def __init__(self, file):
        self.file, self.last = file, b""

    def readline(self, limit):
        self.last = self.file.readline(limit)
        return self.last


class Handler(BaseHTTPRequestHandler):
    """One connection. The server has `incoming`, `token_file` and `byte_count_max`."""

    protocol_version = "HTTP/1.1"
    timeout = 120
    received = 0

    def parse_request(self):
        """Python takes a head that was cut off for a whole one: only an empty line ends it."""
        file, self.rfile = self.rfile, Head(self.rfile)
        try:
            is_request, last = super().parse_request(), self.rfile.last
        finally:
            self.rfile = file
        if is_request and last not in (b"\r\n", b"\n"):
            self.log_request("cut off")
            self.close_connection = True
            return False
        return is_request

    def serve(self):
        try:
            body = self.body()
            self.authorize()
            status, headers = getattr(self, f"on_{self.command.lower()}")(body)
            text = ""
        except Refusal as refusal:
            status, headers, text = refusal.status, {}, f"{refusal}\n"
        except (ConnectionError, TimeoutError):
            self.close_connection = True
            return
        except OSError as error:
            status, headers, text = (507 if error.errno in (errno.ENOSPC, errno.EDQUOT) else 500), {}, f"{error}\n"
        self.answer(status, headers, text)

    do_OPTIONS = do_POST = do_HEAD = do_PATCH = do_DELETE = serve

    def answer(self, status, headers, text):
        self.send_response(status, "Checksum Mismatch" if status == 460 else None)
        for name, value in {"Tus-Resumable": "1.0.0", "Cache-Control": "no-store", **headers}.items():
            self.send_header(name, str(value))
        if status != 204:
            self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(text.encode())

    def body(self):
        length = self.number("Content-Length") if "Content-Length" in self.headers else 0
        if length > BODY_BYTES_MAX or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise Refusal(413, f"send at most {BODY_BYTES_MAX} bytes at once, and say how many")
        body = self.rfile.read(length)
        self.received = len(body)
        if len(body) < length:
            self.log_request("cut off")
            raise ConnectionError("the link was cut")
        return body

    def authorize(self):
        if self.server.token_file:
            expected = "Bearer " + Path(self.server.token_file).read_text().strip()
            if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), expected.encode()):
                raise Refusal(401, "the token is not the one that is expected")

    def number(self, name):
        text = self.headers.get(name, "")
        if not re.fullmatch("[0-9]{1,18}", text):
            raise Refusal(400, f"{name} is no number")
        return int(text)

    def batch(self):
        """The batch that the address names."""
        if self.headers.get("Tus-Resumable") != "1.0.0":
            raise Refusal(412, "this server speaks tus 1.0.0")
        name = self.path.rsplit("/", 1)[-1]
        if not re.fullmatch("[0-9a-f]{64}", name):
            raise Refusal(404, "there is no such upload")
        return name

    def on_options(self, _):
        return 204, {
            "Tus-Version": "1.0.0",
            "Tus-Extension": "creation,checksum,termination",
            "Tus-Checksum-Algorithm": "sha256",
            "Tus-Max-Size": self.server.byte_count_max,
        }

    def on_post(self, _):
        pairs = [pair.strip().split(" ") for pair in self.headers.get("Upload-Metadata", "").split(",")]
        try:
            metadata = {key: base64.b64decode(value).decode() for key, value in pairs}
        except ValueError as error:
            raise Refusal(400, "Upload-Metadata is not what tus says") from error
        if not re.fullmatch("[0-9a-f]{64}", metadata.get("batch", "")):
            raise Refusal(400, "Upload-Metadata must name the batch: its id, 64 hexadecimal digits")
        self.path = f"{self.path.rstrip('/')}/{metadata['batch']}"
        batch, length = self.batch(), self.number("Upload-Length")
        if length > self.server.byte_count_max:
            raise Refusal(413, f"an upload has at most {self.server.byte_count_max} bytes here")
        date = metadata.get("date", "")
        if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", date):
            date = datetime.date.today().isoformat()
        self.server.incoming.sweep()
        with self.server.incoming.lock(batch):
            if self.server.incoming.holds(batch):
                self.server.incoming.remove(batch)
                return 200, {"Location": self.path, "Upload-Offset": length, "Gleaner-Receipt": batch}
            offset = self.server.incoming.begin(batch, length, date)
            return 201, {"Location": self.path, **self.progress(batch, offset, length)}

    def on_head(self, _):
        batch = self.batch()
        with self.server.incoming.lock(batch):
            offset, known = self.server.incoming.upload(batch)
            return 200, {"Upload-Length": known["length"], **self.progress(batch, offset, known["length"])}

    def on_patch(self, body):
        batch = self.batch()
        if self.headers.get("Content-Type") != "application/offset+octet-stream":
            raise Refusal(415, "a part has the type application/offset+octet-stream")
        self.check_sum(body)
        with self.server.incoming.lock(batch):
            offset, known = self.server.incoming.upload(batch)
            if self.number("Upload-Offset") != offset:
                raise Refusal(409, f"the upload has {offset} bytes")
            if offset + len(body) > known["length"]:
                raise Refusal(400, "that is more than was announced")
            self.server.incoming.append(batch, offset, body)
            return 204, self.progress(batch, offset + len(body), known["length"])

    def on_delete(self, _):
        batch = self.batch()
        with self.server.incoming.lock(batch):
            self.server.incoming.upload(batch)
            self.server.incoming.remove(batch)
        return 204, {}

    def check_sum(self, body):
        if checksum := self.headers.get("Upload-Checksum"):
            kind, _, digest = checksum.partition(" ")
            if kind != "sha256":
                raise Refusal(400, "checksums are sha256 here")
            if base64.b64encode(hashlib.sha256(body).digest()).decode() != digest:
                raise Refusal(460, "the checksum is not that of the bytes that arrived")

    def progress(self, batch, offset, length):
        """How far an upload is; at its end it becomes a batch, and that is said too."""
        if offset < length:
            return {"Upload-Offset": offset}
        self.server.incoming.finish(batch)
        return {"Upload-Offset": offset, "Gleaner-Receipt": batch}

    def log_request(self, code="-", size="-"):
        self.log_message('"%s" %s, %d bytes', self.requestline, getattr(code, "value", code), self.received)


def main(handler=Handler):
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--folder", required=True, help="where batches go")
    options.add_argument("--port", type=int, required=True, help="0 for any that is free")
    options.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to be reached from elsewhere (default: %(default)s)")
    options.add_argument("--token-file", help="a file with the token that devices must show")
    options.add_argument("--tls-cert", help="a certificate with its chain, in PEM")
    options.add_argument("--tls-key", help="its key, in PEM")
    options.add_argument("--max-bytes", type=int, default=8 << 30, help="of one upload (default: %(default)s)")
    words = options.parse_args()
    server = ThreadingHTTPServer((words.host, words.port), handler)
    server.incoming, server.token_file, server.byte_count_max = Incoming(words.folder), words.token_file, words.max_bytes
    if words.tls_cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(words.tls_cert, words.tls_key)
        # Hands are shaken by each connection's own thread: one that is slow keeps nobody else waiting.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(f"listening on {'https' if words.tls_cert else 'http'}://{words.host}:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
