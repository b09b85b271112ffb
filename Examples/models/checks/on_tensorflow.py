"""TensorFlow's SavedModels, TFLite files and frozen graphs, against TensorFlow itself on the same pictures."""

import tempfile
from pathlib import Path

import harness
import numpy as np

FOLDER = harness.OTHERS
DIGITS = ",".join(str(digit) for digit in range(10))
SIZE = (20, 32)


def saved_model(gleaner):
    """The trained digits: TensorFlow, ONNX Runtime and gleaner, and what is written down."""
    import tensorflow as tf

    described = harness.described("meter-digits-v1")
    path = FOLDER / "tensorflow-saved_model" / "meter-digits-v1"
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "meter.tar"
        harness.convert("tensorflow.py", path, "--to", bundle, "--labels", DIGITS, "--name", "meter-digits")
        pictures = _pictures(described)
        signature = tf.saved_model.load(str(path)).signatures["serving_default"]
        theirs = [signature(tf.constant(_pixels(each)))["output_0"].numpy().ravel() for each in pictures]
        ours = [_first(harness.run_onnx(harness.onnx_of(bundle), _pixels(each))) for each in pictures]
        found = gleaner.predictions(bundle, pictures)
        written = [each["output"] for each in described["expected"]]
        return [
            _row("ONNX Runtime and TensorFlow: probabilities", ours, theirs, 1e-5),
            harness.class_row("gleaner and TensorFlow: probabilities", found, theirs, described["labels"]),
            harness.class_row("gleaner, and what is written down", found, written, described["labels"]),
        ]


def tflite_floats(gleaner):
    """Weights in eight bits, logits as floats."""
    described = harness.described("meter-dig-class100")
    path = FOLDER / "tflite" / "dig-class100-0182-s2_q.tflite"
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "meter.tar"
        words = ["--labels", ",".join(described["labels"]), "--decoder-option", "activation=logits"]
        harness.convert("tensorflow.py", path, "--to", bundle, *words)
        pictures = _pictures(described)
        theirs = [_tflite(path, _pixels(each)) for each in pictures]
        ours = [_first(harness.run_onnx(harness.onnx_of(bundle), _pixels(each))) for each in pictures]
        found = gleaner.predictions(bundle, pictures)
        largest = max(np.abs(each).max() for each in theirs)
        return [
            _row("ONNX Runtime and TFLite: logits", ours, theirs, 1e-5 * largest, f"values up to {largest:.0f}"),
            _row("ONNX Runtime, and the largest written down", _largest(ours), _written_largest(described), 1e-3),
            harness.class_row(
                "gleaner and TFLite: probabilities", found, list(map(_softmax, theirs)), described["labels"]
            ),
        ]


def tflite_bytes(gleaner):
    """Everything in eight bits, from the file of its makers."""
    described = harness.described("meter-10cls-uint8")
    path = FOLDER / "tflite" / "original_haverland_10cls_RGB.tflite"
    pictures = _pictures(described)
    values = [_pixels(each).astype(np.uint8) for each in pictures]
    rows = _quantised(gleaner, path, pictures, values, 0)
    written = [np.array(each["output"]) for each in described["expected"]]
    return [*rows, _row("TFLite, and what is written down", [_tflite(path, each) for each in values], written, 0)]


def tflite_signed_bytes(gleaner):
    """Everything in eight bits with a sign, as TFLite quantises today: made of the SavedModel."""
    import tensorflow as tf

    pictures = _pictures(harness.described("meter-digits-v1"))
    converter = tf.lite.TFLiteConverter.from_saved_model(str(FOLDER / "tensorflow-saved_model" / "meter-digits-v1"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([_pixels(each)] for each in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "meter-int8.tflite"
        path.write_bytes(converter.convert())
        shifted = [(_pixels(each) - 128).astype(np.int8) for each in pictures]
        rows = _quantised(gleaner, path, pictures, shifted, -128)
        # Told what the numbers were before they were quantised, the script quantises as the file says.
        step, zero = tf.lite.Interpreter(str(path)).get_input_details()[0]["quantization"]
        values = [np.clip(np.rint(_pixels(each) / step) + zero, -128, 127).astype(np.int8) for each in pictures]
        return rows + _quantised(gleaner, path, pictures, values, -128, "--scale", "1")


def _quantised(gleaner, path, pictures, values, zero, *words):
    """Compares numbers to the unit; `values` are what the pictures become."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "meter.tar"
        harness.convert("tensorflow.py", path, "--to", bundle, "--labels", DIGITS, *words)
        theirs = [_tflite(path, each).astype(int) for each in values]
        ours = [_first(harness.run_onnx(harness.onnx_of(bundle), each)).astype(int) for each in values]
        found = gleaner.predictions(bundle, pictures)
        # They need not add up to 1; what gleaner says does.
        wanted = [(each - zero) / (each - zero).sum() for each in theirs]
        said = " ".join(("gleaner and TFLite: probabilities", *words))
        return [
            _row(f"ONNX Runtime and TFLite: {values[0].dtype}", ours, theirs, 0),
            harness.class_row(said, found, wanted, DIGITS.split(",")),
        ]


def frozen_graph(gleaner):
    """The SavedModel as a graph whose variables are constants, which is what older tools write."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    import tensorflow as tf

    described = harness.described("meter-digits-v1")
    loaded = tf.saved_model.load(str(FOLDER / "tensorflow-saved_model" / "meter-digits-v1"))
    frozen = convert_variables_to_constants_v2(loaded.signatures["serving_default"])
    with tempfile.TemporaryDirectory() as folder:
        path, bundle = Path(folder) / "meter.pb", Path(folder) / "meter.tar"
        path.write_bytes(frozen.graph.as_graph_def().SerializeToString())
        ends = ["--inputs", frozen.inputs[0].name, "--outputs", frozen.outputs[0].name]
        harness.convert("tensorflow.py", path, "--to", bundle, "--labels", DIGITS, *ends)
        pictures = _pictures(described)
        theirs = [frozen(tf.constant(_pixels(each)))[0].numpy().ravel() for each in pictures]
        ours = [_first(harness.run_onnx(harness.onnx_of(bundle), _pixels(each))) for each in pictures]
        found = gleaner.predictions(bundle, pictures)
        return [
            _row("ONNX Runtime and TensorFlow: probabilities", ours, theirs, 1e-5),
            harness.class_row("gleaner and TensorFlow: probabilities", found, theirs, described["labels"]),
        ]


def _pictures(described):
    return [harness.DATA / each["file"] for each in described["expected"]]


def _pixels(path):
    """A picture at the models' size, as OpenCV makes it smaller; gleaner does the same."""
    import cv2

    frame = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return cv2.resize(frame, SIZE).astype(np.float32)[None]


def _tflite(path, values):
    import warnings

    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).ravel()


def _first(outputs):
    return next(iter(outputs.values())).ravel()


def _largest(outputs):
    return [np.array([each.argmax(), each.max()]) for each in outputs]


def _written_largest(described):
    return [np.array([each["output"]["argmax"], each["output"]["max"]]) for each in described["expected"]]


def _softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def _row(what, ours, theirs, limit, note=""):
    difference = max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs))
    return harness.Row(what, difference, limit, note or f"{len(ours)} pictures")


NEEDED = ["tensorflow", "tf2onnx", "onnxruntime", "cv2"]
CHECKS = [
    ("tensorflow", NEEDED, saved_model),
    ("tflite", NEEDED, tflite_floats),
    ("tflite-uint8", NEEDED, tflite_bytes),
    ("tflite-int8", NEEDED, tflite_signed_bytes),
    ("tensorflow-frozen", NEEDED, frozen_graph),
]
