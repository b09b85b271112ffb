"""A Caffe classifier with random weights, which has the layers that UltraFace lacks."""

import struct

import numpy as np

# Read by three parsers, so with everything that the text form allows: comments, both quotes, lists, old inputs.
PROTOTXT = """
name: "fruit"  # a comment
input: 'data'
input_dim: 1 input_dim: 3 input_dim: 67 input_dim: 90
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 12 kernel_size: 5 stride: 2 pad: 1 bias_term: false } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" batch_norm_param { eps: 0.001 } }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" relu_param { negative_slope: 0.1 } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
  convolution_param { num_output: 12 kernel_h: 3 kernel_w: 5 pad_h: 1 pad_w: 2 group: 4 dilation: 1 } }
layer { name: "larger" type: "Eltwise" bottom: "pool1" bottom: "conv2" top: "larger" eltwise_param { operation: MAX } }
layer { name: "pool2" type: "Pooling" bottom: "larger" top: "pool2"
  pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
layer { name: "drop" type: "Dropout" bottom: "pool2" top: "pool2" dropout_param { dropout_ratio: 0.5 } }
layer { name: "fc1" type: "InnerProduct" bottom: "pool2" top: "fc1" inner_product_param { num_output: 20 } }
layer { name: "relu2" type: "ReLU" bottom: "fc1" top: "fc1" }
layer { name: "whole" type: "Pooling" bottom: "larger" top: "whole" pooling_param { pool: AVE global_pooling: true } }
layer { name: "flat" type: "Flatten" bottom: "whole" top: "flat" }
layer { name: "both" type: "Concat" bottom: "fc1" bottom: "flat" top: "both" concat_param { axis: 1 } }
layer { name: "fc2" type: "InnerProduct" bottom: "both" top: "fc2" inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "fc2" top: "prob" }
"""
# Sizes of `pool2`: (67, 90) → 33 × 44 → 16 × 22 → 8 × 11.
SHAPES = {
    "conv1": [(12, 3, 5, 5)],
    "bn1": [(12,), (12,), (1,)],
    "scale1": [(12,), (12,)],
    "conv2": [(12, 3, 3, 5), (12,)],
    "fc1": [(20, 12 * 8 * 11), (20,)],
    "fc2": [(5, 32), (5,)],
}
KINDS = {"conv": "Convolution", "bn": "BatchNorm", "scale": "Scale", "fc": "InnerProduct"}


def write(prototxt, caffemodel, seed=3):
    """Writes the network, and random weights in the binary form of protocol buffers."""
    prototxt.write_text(PROTOTXT)
    random = np.random.default_rng(seed)
    data = b"".join(_field(100, _layer(random, name, shapes)) for name, shapes in SHAPES.items())
    caffemodel.write_bytes(data)


def _layer(random, name, shapes):
    blobs = []
    for number, shape in enumerate(shapes):
        gain = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.2
        values = random.normal(0, gain, shape)
        if name == "bn1":
            # Mean and variance are sums, and the last number says of how many.
            values = [random.normal(0, 50, shape), random.uniform(500, 1500, shape), np.full(shape, 2.0)][number]
        elif name == "scale1" and number == 0:
            values = random.uniform(0.5, 1.5, shape)
        blobs.append(_blob(values))
    kind = KINDS[name.rstrip("12")]
    return _field(1, name.encode()) + _field(2, kind.encode()) + b"".join(_field(7, blob) for blob in blobs)


def _blob(values):
    shape = b"".join(_varint(size) for size in values.shape)
    return _field(7, _field(1, shape)) + _field(5, struct.pack(f"<{values.size}f", *values.ravel()))


def _field(number, data):
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value):
    encoded = b""
    while value > 127:
        encoded, value = encoded + bytes([value & 127 | 128]), value >> 7
    return encoded + bytes([value])
