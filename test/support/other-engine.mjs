// Preloaded with --import into a Nightshift process: ONNX Runtime says that it is another version. Its code is the one here.
import Module from "node:module";

const readJson = Module._extensions[".json"];

Module._extensions[".json"] = (module, filename) => {
  readJson(module, filename);
  if (filename.endsWith("onnxruntime-node/package.json"))
    module.exports = { ...module.exports, version: "1.29.0" };
};
