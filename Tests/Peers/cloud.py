"""Stands in for the server of Roboflow's API: takes images, and writes down the digest of each. HOST PORT FILE."""

import hashlib
import http.server
import json
import re
import sys

host, port, arrived = sys.argv[1], int(sys.argv[2]), open(sys.argv[3], "a", buffering=1)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if re.match("/dataset/[^/]+/upload", self.path):
            # A form: the image is what begins as JPEGs do, up to the boundary after it.
            begin = body.index(b"\xff\xd8\xff")
            print(hashlib.sha256(body[begin : body.index(b"\xff\xd9\r\n--", begin)]).hexdigest(), file=arrived)
        answer = json.dumps({"success": True, "id": "image"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer((host, port), Handler).serve_forever()
