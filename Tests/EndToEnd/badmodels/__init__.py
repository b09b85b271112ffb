"""Models that must never take the collector down, and what makes them.

`corpus.py` has them all, each with what is wrong with it. What no ONNX graph can do (crash, hang, leak, …) is played
by `stub_runtime.c`, an ONNX Runtime that does as a mark in the model says; `stub.py` compiles it. `try_model.py` runs
one model without Gleaner.
"""
