#!/bin/sh
# Writes generated/onnx_pb.js and its types, from the onnx.proto that PyPI's onnx package ships. They are committed, since
# building Nightshift shall need neither Python nor protoc.
# Needs python3 with venv, and `npm ci` done. Run it to move to a newer ONNX, then run the tests.
set -eu

onnx=1.23.2
grpcio_tools=1.85.1

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "onnx==$onnx" "grpcio-tools==$grpcio_tools"

# One change: a node's attributes stay bytes (the same on the wire), and are decoded one by one when they are wanted.
# A forest of 131 MB kept 1.5 GB of heap busy otherwise, for attributes that Nightshift does not read.
mkdir "$work/proto"
sed 's/^  repeated AttributeProto attribute = 5;.*$/  repeated bytes attribute = 5; \/\/ AttributeProto, see scripts\/generate-onnx-proto.sh/' \
  "$work"/venv/lib/python3*/site-packages/onnx/onnx-ml.proto >"$work/proto/onnx.proto"
grep -q 'repeated bytes attribute = 5;' "$work/proto/onnx.proto"

mkdir -p "$root/generated"
PATH="$root/node_modules/.bin:$PATH" "$work/venv/bin/python" -m grpc_tools.protoc \
  --proto_path "$work/proto" \
  --es_out "$root/generated" \
  --es_opt target=js+dts,import_extension=js \
  "$work/proto/onnx.proto"
