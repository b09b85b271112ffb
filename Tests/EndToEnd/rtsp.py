"""A camera that speaks RTSP: GStreamer's server, in a process of its own, that may be killed as a camera's plug is pulled."""

import argparse
import subprocess

# GStreamer's bindings are Debian's, and so is the Python that has them.
PYTHON = "/usr/bin/python3"

PICTURE = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=160,height=120,framerate={rate}/1"
ENCODERS = {
    "h264": "x264enc tune=zerolatency key-int-max=10 ! rtph264pay name=pay0",
    "mjpeg": "jpegenc quality=90 ! rtpjpegpay name=pay0",
}


class Camera:
    """Serves its video at /1, to all who ask and know the password, until it is stopped."""

    def __init__(self, port=0, codec="h264", frames_per_second=20, password=None):
        command = [PYTHON, __file__, str(port), codec, str(frames_per_second)]
        if password:
            command += ["--password", password]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, "the RTSP server did not start"
        self.port = int(line)

    def address(self, login=""):
        return f"rtsp://{login}127.0.0.1:{self.port}/1"

    def stop(self):
        """At once, so that nobody is told."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def serve(port, codec, frames_per_second, password):
    """Prints the port, then serves until it is killed."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(port))
    video = GstRtspServer.RTSPMediaFactory()
    video.set_shared(True)
    video.set_launch(f"( {PICTURE.format(rate=frames_per_second)} ! {ENCODERS[codec]} )")
    if password:
        allow_only("me", password, server, video)
    server.get_mount_points().add_factory("/1", video)
    assert server.attach(None), f"port {port} is taken"
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


def allow_only(name, password, server, video):
    from gi.repository import Gst, GstRtspServer

    role = Gst.Structure.new_from_string("viewer, media.factory.access=true, media.factory.construct=true")
    rights = GstRtspServer.RTSPPermissions()
    rights.add_role_from_structure(role)
    video.set_permissions(rights)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    guard = GstRtspServer.RTSPAuth()
    guard.add_basic(GstRtspServer.RTSPAuth.make_basic(name, password), token)
    server.set_auth(guard)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("codec", choices=ENCODERS)
    parser.add_argument("frames_per_second", type=int)
    parser.add_argument("--password")
    serve(**vars(parser.parse_args()))
