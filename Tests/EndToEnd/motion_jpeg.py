"""A camera that sends Motion JPEG over HTTP, as network cameras and microcontrollers do."""

import io
import itertools
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image


def pictures():
    """Frames that no two of look alike: a bright bar before a texture, at another place in each."""
    number = 0
    while True:
        picture = Image.effect_noise((160, 120), 60).convert("RGB")
        picture.paste((40 * number % 256, 90, 200), (13 * number % 150, 0, 13 * number % 150 + 10, 120))
        memory = io.BytesIO()
        picture.save(memory, "JPEG", quality=90)
        yield memory.getvalue()
        number += 1


def without_tables(picture):
    """The JPEG without its Huffman tables, as many cameras send it: they are always the same."""
    kept, position = picture[:2], 2
    while (marker := picture[position + 1]) != 0xDA:
        end = position + 2 + int.from_bytes(picture[position + 2 : position + 4], "big")
        if marker != 0xC4:
            kept += picture[position:end]
        position = end
    return kept + picture[position:]


class Camera:
    """Sends so many frames a second, to as many as ask, until it is stopped; then its connections are cut.

    `change` makes of a picture and its number what is sent.
    """

    def __init__(self, port=0, frames_per_second=20, change=lambda picture, number: picture):
        self.sent = 0
        self.pictures = set()
        # Made before they are sent: it takes longer than sending them.
        many = list(itertools.islice(pictures(), 100))
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                for number, whole in enumerate(itertools.cycle(many)):
                    picture = change(whole, number)
                    if camera.is_stopped.wait(1 / frames_per_second):
                        return self.connection.close()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                    camera.pictures.add(picture)
                    try:
                        self.wfile.write(head.encode() + picture + b"\r\n")
                    except OSError:
                        return
                    camera.sent += 1

            def log_message(self, *_):
                pass

        self.is_stopped = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.is_stopped.set()
        self.server.shutdown()
        self.server.server_close()
