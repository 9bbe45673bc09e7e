"""Removes the ZipMap that exporters add by default, so that the peer scores tensors and not one dictionary a row.

usage: strip_zipmap.py MODEL OUTPUT
"""

import sys

import onnx

model = onnx.load(sys.argv[1])
for node in list(model.graph.node):
    if node.op_type != "ZipMap":
        continue
    for output in model.graph.output:
        if output.name == node.output[0]:
            output.CopyFrom(onnx.helper.make_tensor_value_info(node.input[0], onnx.TensorProto.FLOAT, [None, 2]))
    model.graph.node.remove(node)
onnx.save(model, sys.argv[2])
