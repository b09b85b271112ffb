"""A camera that sends Motion JPEG over HTTP, as network cameras and microcontrollers do."""

import io
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


class Camera:
    """Sends so many frames a second, to as many as ask, until it is stopped; then its connections are cut."""

    def __init__(self, port=0, frames_per_second=20):
        self.sent = 0
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                for picture in pictures():
                    if camera.is_stopped.wait(1 / frames_per_second):
                        return self.connection.close()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
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
