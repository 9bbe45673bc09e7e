// A model that costs next to nothing, so that what is around it is measured: logistic over a few features, as a
// LinearClassifier with the outputs that an export of scikit-learn has without its ZipMap.
import { writeFileSync } from "node:fs";
import { bundled } from "../scripts/test-support.mjs";

/** Writes it to `path`: an input `input` of [N, features], outputs `label` and `probabilities`. */
export async function makeLinearModel(cache, path, features) {
  const { model, modelBytes, node, types, value } = await bundled(cache, "onnx-models");
  const weights = Array.from({ length: features }, (_, f) => Math.sin(f + 1) / 4);
  const classifier = node({
    op: "LinearClassifier",
    ml: true,
    in: ["input"],
    out: ["label", "probabilities"],
    with: {
      classlabels_ints: [0n, 1n],
      coefficients: [...weights.map((weight) => -weight), ...weights],
      intercepts: [0, 0.1],
      post_transform: "SOFTMAX",
    },
  });
  const built = model({
    node: [classifier],
    input: [value("input", types.FLOAT, [null, features])],
    output: [value("label", types.INT64, [null]), value("probabilities", types.FLOAT, [null, 2])],
  });
  writeFileSync(path, modelBytes(built));
}
