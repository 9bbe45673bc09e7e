"""The peer of benchmark W6: tables read and written through psycopg's COPY, as a careful person would.

usage: peer_postgres.py read|replace|upsert MODEL PARQUET OUTPUT; the database is in BENCH_URL
"""

import io
import os
import sys

import numpy as np
import onnxruntime as ort
import psycopg
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

what, model_path, input_path, output_path = sys.argv[1:5]
options = ort.SessionOptions()
options.intra_op_num_threads = os.cpu_count()
options.log_severity_level = 3
session = ort.InferenceSession(model_path, options, providers=["CPUExecutionProvider"])
input_name = session.get_inputs()[0].name
output_names = [output.name for output in session.get_outputs()[:2]]
features = [f"f{i}" for i in range(28)]


def score(batch):
    inputs = np.empty((batch.num_rows, len(features)), dtype=np.float32)
    for column, name in enumerate(features):
        inputs[:, column] = batch.column(name).to_numpy()
    label, probabilities = session.run(output_names, {input_name: inputs})
    names = ["id", "label", "probability_0", "probability_1"]
    return pa.table([batch.column("id"), pa.array(label), pa.array(probabilities[:, 0]), pa.array(probabilities[:, 1])], names=names)


def scored_parquet():
    for batch in pq.ParquetFile(input_path).iter_batches(batch_size=65_536, columns=["id", *features]):
        yield score(batch)


def copy_in(cursor, table):
    with cursor.copy(f"copy {table} from stdin (format csv)") as copy:
        for scored in scored_parquet():
            text = io.BytesIO()
            csv.write_csv(scored, text, csv.WriteOptions(include_header=False))
            copy.write(text.getbuffer())


columns = "id int8 not null, label int8, probability_0 float4, probability_1 float4"
with psycopg.connect(os.environ["BENCH_URL"]) as connection, connection.cursor() as cursor:
    if what == "read":
        text = io.BytesIO()
        with cursor.copy(f"copy (select id, {', '.join(features)} from features) to stdout (format csv)") as copy:
            for data in copy:
                text.write(data)
        text.seek(0)
        types = {"id": pa.int64(), **{name: pa.float32() for name in features}}
        reader = csv.open_csv(
            text,
            csv.ReadOptions(column_names=["id", *features], block_size=16 * 1024 * 1024),
            convert_options=csv.ConvertOptions(column_types=types),
        )
        writer = None
        for batch in reader:
            scored = score(batch)
            writer = writer or pq.ParquetWriter(output_path, scored.schema, compression="snappy", use_dictionary=False)
            writer.write_table(scored)
        writer.close()
    elif what == "replace":
        cursor.execute(f"create table theirs_next ({columns})")
        copy_in(cursor, "theirs_next")
        cursor.execute("alter table theirs_next add primary key (id)")
        cursor.execute("drop table if exists theirs_replaced")
        cursor.execute("alter table theirs_next rename to theirs_replaced")
    else:
        cursor.execute(f"create table if not exists theirs_upserted ({columns}, primary key (id))")
        cursor.execute(f"create temp table staged ({columns}) on commit drop")
        copy_in(cursor, "staged")
        cursor.execute(
            "insert into theirs_upserted select * from staged on conflict (id) do update set label = excluded.label, "
            "probability_0 = excluded.probability_0, probability_1 = excluded.probability_1"
        )
