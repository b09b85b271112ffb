"""Only your models: bundles signed here, by openssl's keys and in Python, are taken; all others are not."""

import base64
import datetime
import json
import re
import shutil
import subprocess
import sys
import tarfile

import bundles
import pytest
from driver import ROOT, validator, write_configuration

PACK = ROOT / "Examples" / "retrain" / "pack_model.py"


@pytest.fixture
def key(gleaner, tmp_path):
    """A pair of keys, trusted by the deployment."""
    made = gleaner("model", "keygen", "orchard", "--to", tmp_path / "keys")
    trust(gleaner, made["key"])
    return made


def trust(gleaner, *keys):
    lines = "".join(f"    - {key}\n" for key in keys)
    write_configuration(gleaner.folder, f"source: folder:camera\nmodels:\n  trusted_keys:\n{lines}")


def test_keygen_says_whom_to_trust_and_never_overwrites(gleaner, tmp_path):
    done = gleaner.text("model", "keygen", "orchard", "--to", tmp_path)
    private, public = tmp_path / "orchard.key", tmp_path / "orchard.pub"
    assert private.stat().st_mode & 0o777 == 0o600
    (line,) = re.findall(r"- (ed25519:\S+)", done.stdout)
    trust(gleaner, line)
    gleaner("check", status=1)  # there is no model yet
    before = private.read_bytes()
    gleaner.fails("model", "keygen", "orchard", "--to", tmp_path, naming=["orchard.key", "never overwritten"])
    assert private.read_bytes() == before and b"PRIVATE" not in done.stdout.encode() + public.read_bytes()


def test_other_tools_read_the_keys(gleaner, key):
    from cryptography.hazmat.primitives import serialization

    with open(key["private_file"], "rb") as file:
        private = serialization.load_pem_private_key(file.read(), None)
    with open(key["public_file"], "rb") as file:
        public = serialization.load_pem_public_key(file.read())
    assert private.public_key() == public
    assert "ed25519:" + base64.b64encode(public.public_bytes_raw()).decode() == key["key"]
    if shutil.which("openssl"):
        text = subprocess.run(["openssl", "pkey", "-in", key["private_file"], "-text"], capture_output=True, text=True, check=True)
        assert "ED25519" in text.stdout


def test_a_key_that_openssl_made_signs(gleaner, data, tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    private, public = tmp_path / "theirs.key", tmp_path / "theirs.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    bundle = bundles.make(data / "models" / "meter-digits-v1", tmp_path / "v1.tar")
    (signer,) = gleaner("model", "sign", bundle, "--key", private)["signed_by"]
    assert gleaner("model", "verify", bundle, "--trust", public)["vouched_by"] == signer
    trust(gleaner, signer)
    gleaner("model", "import", bundle)


@pytest.mark.parametrize("form", ["bundle", "bundle.tar"])
def test_what_python_signs_is_imported(gleaner, key, data, tmp_path, form):
    golden = tmp_path / "golden"
    golden.mkdir()
    shutil.copy(data / "meter-digits/images/field/00001.jpg", golden / "1.jpg")
    # Labels that are written differently by careless JSON writers.
    labels = ["zéro/0", 'one"1', "zwei\\2", "三", "4", "5", "6", "7", "8", "\U0001f34e"]
    end = datetime.datetime(2099, 1, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    bundle = bundles.make(
        data / "models" / "meter-digits-v1", tmp_path / form, key=key["private_file"], expires=end, golden=golden, labels=labels)
    found = gleaner("model", "verify", bundle)
    assert found["vouched_by"] == key["key"] and found["signed_by"] == [key["key"]]
    # Ours adds a second signature, which it does only to what it would have written itself.
    second = gleaner("model", "keygen", "second", "--to", tmp_path)
    signed = gleaner("model", "sign", bundle, "--key", second["private_file"])
    assert signed["signed_by"] == [key["key"], second["key"]] and signed["expires"] == "2099-01-01T00:00:00.000Z"
    assert gleaner("model", "import", bundle)["labels"] == labels


def test_pack_model_signs_from_the_command_line(gleaner, key, data, tmp_path):
    model = data / "models" / "meter-digits-v1"
    described = json.loads((model / "model.json").read_text())
    command = [
        sys.executable, PACK, model / described["file"], "--to", tmp_path / "v1.tar", "--name", "meter-digits", "--version", "1",
        "--task", "classification", "--labels", "0,1,2,3,4,5,6,7,8,9", "--size", "20x32", "--layout", "NHWC", "--decoder", "classification",
        "--sign", key["private_file"]]
    done = subprocess.run([*command, "--expires", "2001-01-01"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with tarfile.open(tmp_path / "v1.tar") as tar:
        validator("model-signature").validate(json.load(tar.extractfile("signature.json")))
    gleaner.fails("model", "import", tmp_path / "v1.tar", naming=["expired at 2001-01-01", "clock says", "--expires"])
    # As where the package is not installed.
    without = "import runpy, sys; sys.modules['cryptography'] = None; sys.argv.pop(0); runpy.run_path(sys.argv[0], run_name='__main__')"
    hidden = [sys.executable, "-c", without]
    command[4] = tmp_path / "unsigned.tar"
    done = subprocess.run([*hidden, *command[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "pip install cryptography" in done.stderr, done.stderr
    assert not (tmp_path / "unsigned.tar").exists()


def test_only_signed_models_come_in(gleaner, key, data, tmp_path):
    plain = bundles.make(data / "models" / "meter-digits-v1", tmp_path / "plain")
    gleaner.fails("model", "import", plain, naming=["plain", "is not signed", "gleaner model sign"])
    gleaner.fails("model", "verify", plain, naming=["is not signed"])
    gleaner.fails("model", "import", plain / "model.onnx", naming=["model.onnx", "cannot be signed", "gleaner model pack"])
    stranger = gleaner("model", "keygen", "stranger", "--to", tmp_path)
    gleaner("model", "sign", plain, "--key", stranger["private_file"])
    gleaner.fails("model", "import", plain, naming=[stranger["key"], "trusted_keys"])
    assert gleaner("model", "verify", plain, "--trust", stranger["key"])["vouched_by"] == stranger["key"]
    assert gleaner("model", "list")["models"] == []
    gleaner("model", "sign", plain, "--key", key["private_file"])
    gleaner("model", "import", plain)


def test_what_is_changed_after_signing_is_refused(gleaner, key, data, tmp_path):
    bundle = bundles.make(data / "models" / "meter-digits-v1", tmp_path / "bundle", key=key["private_file"])
    for name in ("model.json", "model.onnx", "signature.json"):
        path = bundle / name
        good = path.read_bytes()
        path.write_bytes(good[:-2] + bytes([good[-2] ^ 1]) + good[-1:])
        gleaner.fails("model", "import", bundle, naming=[name.split(".")[0]])
        path.write_bytes(good)
    (bundle / "readme.txt").write_text("hello")
    gleaner.fails("model", "import", bundle, naming=["readme.txt", "not signed"])
    (bundle / "readme.txt").unlink()
    gleaner("model", "import", bundle)


def test_a_bundle_may_be_packed_with_a_key(gleaner, key, data, tmp_path):
    folder = bundles.make(data / "models" / "meter-digits-v1", tmp_path / "v1")
    words = ["model", "pack", folder / "model.onnx", "--manifest", folder / "model.json", "--to", tmp_path / "packed.tar"]
    gleaner.fails(*words, "--expires", "2099-01-01", naming=["--key"], status=64)
    gleaner(*words, "--key", key["private_file"], "--expires", "2099-01-01")
    assert gleaner("model", "verify", tmp_path / "packed.tar")["vouched_by"] == key["key"]


def test_signed_folders_may_be_packed_with_other_tars(gleaner, key, data, tmp_path):
    bundle = bundles.make(data / "models" / "meter-digits-v1", tmp_path / "bundle", key=key["private_file"])
    subprocess.run(["tar", "-cf", tmp_path / "gnu.tar", "-C", bundle, "."], check=True)
    forms = {"gnu": tarfile.GNU_FORMAT, "ustar": tarfile.USTAR_FORMAT, "pax": tarfile.PAX_FORMAT}
    for name, form in forms.items():
        with tarfile.open(tmp_path / f"python-{name}.tar", "w", format=form) as tar:
            tar.add(bundle, ".")
    for name in ("gnu", "python-gnu", "python-ustar"):
        assert gleaner("model", "verify", tmp_path / f"{name}.tar")["vouched_by"] == key["key"]
    # Python's own default writes times that no signature covers.
    gleaner.fails("model", "verify", tmp_path / "python-pax.tar", naming=["python-pax.tar", "extended", "--format=ustar"])
    if shutil.which("bsdtar"):
        subprocess.run(["bsdtar", "-cf", tmp_path / "bsd.tar", "-C", bundle, "."], check=True)
        assert gleaner("model", "verify", tmp_path / "bsd.tar")["vouched_by"] == key["key"]


def test_a_key_that_is_none_is_an_error_that_does_not_repeat_it(gleaner, key, data, tmp_path):
    bundle = bundles.make(data / "models" / "meter-digits-v1", tmp_path / "bundle")
    secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3I"
    (tmp_path / "bad.key").write_text(f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n")
    assert secret not in gleaner.fails("model", "sign", bundle, "--key", tmp_path / "bad.key", naming=["bad.key", "keygen"])
    gleaner.fails("model", "sign", bundle, "--key", key["public_file"], naming=["orchard.pub", "private"])
    assert secret not in gleaner.fails("model", "verify", bundle, "--trust", f"ed25519:{secret}", naming=["public key"])
    trust(gleaner, f"ed25519:{secret}")
    assert secret not in gleaner.fails("model", "import", bundle, naming=["models.trusted_keys[0]"])
    # A device whose trusted keys cannot be read trusts nobody, not everybody.
    assert not (gleaner.folder / "models").exists()
