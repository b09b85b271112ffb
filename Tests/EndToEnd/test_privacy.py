"""Nothing leaves a device but what is configured: not by the libraries that it stands on, either."""

import os

from driver import write_configuration


def test_the_runtime_prepares_no_reports_to_its_maker(meter, camera, tmp_path):
    """ONNX Runtime keeps what it is about to send in its user's cache, from 1.29 on, unless it is told not to."""
    write_configuration(meter.folder, "source: folder:camera\n")
    camera(*(f"meter-digits/images/field/{number:05}.jpg" for number in range(3)))
    home = tmp_path / "home"
    home.mkdir()
    # It is silent where it sees one of these.
    silencing = {"ORT_DISABLE_TELEMETRY", "CI", "GITHUB_ACTIONS", "TF_BUILD", "XDG_CACHE_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in silencing}
    meter.text("run", "--until-end", env={**environment, "HOME": str(home), "ORT_DISABLE_TELEMETRY": "0"})
    assert meter("status")["frames"]["offered"] == 3
    assert list(home.rglob("*")) == []
