"""Darknet networks with random weights: YOLOv4-tiny's structure, and one with everything else that is converted."""

import numpy as np

CLASSES = 3
ANCHORS = "10,14, 23,27, 37,58, 81,82, 135,169, 344,319"
HEAD = 3 * (5 + CLASSES)


def _conv(filters, size, stride=1, activation="leaky", **more):
    return (
        "convolutional",
        {"batch_normalize": 1, "filters": filters, "size": size, "stride": stride, "pad": 1}
        | {"activation": activation}
        | more,
    )


def _head(mask, activation="linear", **more):
    options = {"mask": mask, "anchors": ANCHORS, "classes": CLASSES, "num": 6}
    return [
        ("convolutional", {"filters": HEAD, "size": 1, "stride": 1, "pad": 1, "activation": activation}),
        ("yolo", options | more),
    ]


def _cross_stage(filters):
    """Half of the channels go through two convolutions, and all meet again."""
    half = filters // 2
    return [
        _conv(filters, 3),
        ("route", {"layers": "-1", "groups": 2, "group_id": 1}),
        _conv(half, 3),
        _conv(half, 3),
        ("route", {"layers": "-1,-2"}),
        _conv(filters, 1),
        ("route", {"layers": "-6,-1"}),
        ("maxpool", {"size": 2, "stride": 2}),
    ]


def yolov4_tiny(width=416, height=320):
    """The layers of YOLOv4-tiny; wider than high, so that no side can stand for the other."""
    return [
        ("net", {"batch": 1, "width": width, "height": height, "channels": 3}),
        _conv(32, 3, 2),
        _conv(64, 3, 2),
        *_cross_stage(64),
        *_cross_stage(128),
        *_cross_stage(256),
        _conv(512, 3),
        _conv(256, 1),
        _conv(512, 3),
        *_head("3,4,5", scale_x_y=1.05),
        ("route", {"layers": "-4"}),
        _conv(128, 1),
        ("upsample", {"stride": 2}),
        ("route", {"layers": "-1,23"}),
        _conv(256, 3),
        *_head("1,2,3", scale_x_y=1.05),
    ]


def every_other_layer(width=192, height=160):
    """What YOLOv4-tiny has not: other activations, sums, groups, pooling without a stride, `new_coords`."""
    return [
        ("net", {"width": width, "height": height, "channels": 3}),
        _conv(16, 3, 2, "mish"),
        _conv(16, 3, 2, "swish"),
        _conv(16, 3, 1, "relu", groups=16),
        ("shortcut", {"from": "-2", "activation": "linear"}),
        _conv(16, 1, 1, "logistic"),
        ("shortcut", {"from": "-2", "activation": "leaky"}),
        ("maxpool", {"size": 5, "stride": 1}),
        ("maxpool", {"size": 3, "stride": 2}),
        ("dropout", {"probability": 0.2}),
        ("convolutional", {"filters": 32, "size": 5, "stride": 2, "padding": 2, "activation": "relu"}),
        ("route", {"layers": "-1,9"}),
        _conv(32, 3, 1, "mish"),
        *_head("0,1,2", "logistic", scale_x_y=2.0, new_coords=1),
    ]


def write(layers, cfg, weights, object_bias, seed=1):
    """Writes a network with random weights that keep its numbers bounded; the lower the bias, the fewer its boxes."""
    text = "\n".join(
        f"[{kind}]\n" + "".join(f"{key}={value}\n" for key, value in options.items()) for kind, options in layers
    )
    cfg.write_text(text)
    random = np.random.default_rng(seed)
    numbers = [part for shape in _convolutions(layers) for part in _parameters(random, object_bias, *shape)]
    header = np.array([0, 2, 5], "<i4").tobytes() + np.array([32013312], "<i8").tobytes()
    weights.write_bytes(header + np.concatenate([each.ravel() for each in numbers]).astype("<f4").tobytes())


def _convolutions(layers):
    """Of each convolution: its options and how many channels come in."""
    channels = [3]
    for number, (kind, options) in enumerate(layers[1:], 1):
        if kind == "convolutional":
            yield options, channels[-1]
            channels.append(options["filters"])
        elif kind == "route":
            sources = [int(each) for each in options["layers"].split(",")]
            found = [channels[number + each] if each < 0 else channels[each + 1] for each in sources]
            channels.append(sum(each // options.get("groups", 1) for each in found))
        else:
            channels.append(channels[-1])


def _parameters(random, object_bias, options, channels):
    filters, size = options["filters"], options["size"]
    inputs = channels // options.get("groups", 1) * size * size
    if "batch_normalize" not in options and filters == HEAD:
        yield from _head_parameters(random, object_bias, inputs)
        return
    yield random.normal(0, 0.1, filters)
    if "batch_normalize" in options:
        yield random.uniform(0.8, 1.2, filters)
        yield random.normal(0, 0.1, filters)
        yield random.uniform(0.5, 1.5, filters)
    yield random.normal(0, np.sqrt(2 / inputs), (filters, inputs))


def _head_parameters(random, object_bias, inputs):
    """A head whose boxes are near its anchors."""
    bias, gain = np.zeros(HEAD), np.full(HEAD, 3.0)
    for start in range(0, HEAD, 5 + CLASSES):
        gain[start : start + 4] = 0.3
        bias[start + 4] = object_bias
    yield bias
    yield random.normal(0, 1, (HEAD, inputs)) * gain[:, None] / np.sqrt(inputs)
