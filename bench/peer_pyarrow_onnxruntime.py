"""The peer of benchmark W1: the same work written with pyarrow and ONNX Runtime, as a careful person would.

The model comes without ZipMap, batches stream from Parquet and are scored on all cores, and the id with label and both probabilities is written to Parquet.
usage: peer_pyarrow_onnxruntime.py MODEL INPUT OUTPUT
"""

import os
import sys

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pyarrow.parquet as pq

model_path, input_path, output_path = sys.argv[1:4]
options = ort.SessionOptions()
options.intra_op_num_threads = os.cpu_count()
options.log_severity_level = 3
session = ort.InferenceSession(model_path, options, providers=["CPUExecutionProvider"])
input_name = session.get_inputs()[0].name
label_name = session.get_outputs()[0].name
probability_name = session.get_outputs()[1].name

schema = pa.schema(
    [
        ("id", pa.int64()),
        ("prediction", pa.int64()),
        ("probability_0", pa.float32()),
        ("probability_1", pa.float32()),
    ]
)
features = [f"f{i}" for i in range(28)]
source = pq.ParquetFile(input_path)
with pq.ParquetWriter(output_path, schema, compression="snappy", use_dictionary=False, write_statistics=False) as sink:
    for batch in source.iter_batches(batch_size=65_536, columns=["id", *features]):
        inputs = np.empty((batch.num_rows, len(features)), dtype=np.float32)
        for column, name in enumerate(features):
            inputs[:, column] = batch.column(name).to_numpy()
        label, probabilities = session.run([label_name, probability_name], {input_name: inputs})
        sink.write_batch(
            pa.record_batch(
                [batch.column("id"), pa.array(label), pa.array(probabilities[:, 0]), pa.array(probabilities[:, 1])],
                schema=schema,
            )
        )
