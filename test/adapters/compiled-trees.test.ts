/** The compiled engine against ONNX Runtime: the same model, the same rows, the same answers. */
import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/data/tensor.js";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { floats, model, node, types, value } from "../support/onnx-models.js";
import { loadedOnAll, runtime, writeModel } from "../support/onnx-run.js";
import { classifierModel, type Ensemble, randomEnsemble, regressorModel } from "../support/random-trees.js";
import { seededRandom } from "../support/seeded-random.js";

const features = 5;
const allModes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"];
const rows = 203;

/** Every value that a comparison could trip over, among plain ones. */
function matrix(seed: number, withNan: boolean): Tensor {
  const random = seededRandom(seed);
  const edges = [
    0,
    -0,
    2 ** -149,
    -(2 ** -149),
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1,
    -1.75,
  ];
  const data = Float32Array.from({ length: rows * features }, () => {
    const pick = random();
    if (withNan && pick < 0.2) return Number.NaN;
    if (pick < 0.4) return edges[Math.floor(random() * edges.length)] ?? 0;
    // Quarters: often equal to a threshold.
    return pick < 0.7 ? Math.round(random() * 16 - 8) / 4 : random() * 4 - 2;
  });
  return { type: "float32", dims: [rows, features], data };
}

async function compare(built: OnnxModel, seed: number): Promise<void> {
  const [compiled, engine] = await loadedOnAll(writeModel(built));
  expect(compiled?.engine).toBe("compiled-trees");
  if (compiled === undefined || engine === undefined) throw new Error("one engine alone");
  for (const withNan of [false, true]) {
    const x = matrix(seed, withNan);
    const ours = await compiled.predictor.predict({ x });
    const theirs = await engine.predictor.predict({ x });
    expect(Object.keys(ours)).toEqual(Object.keys(theirs));
    for (const [name, tensor] of Object.entries(ours)) {
      expect(tensor.dims).toEqual(theirs[name]?.dims);
      if (tensor.type === "float32") expect(largestDifference(tensor, theirs[name])).toBeLessThan(1e-6);
      else expect(tensor.data).toEqual(theirs[name]?.data);
    }
  }
  await engine.predictor.close();
}

function largestDifference(a: Tensor, b: Tensor | undefined): number {
  let largest = 0;
  for (let i = 0; i < a.data.length; i++) {
    const [ours, theirs] = [Number(a.data[i]), Number(b?.data[i])];
    const difference = Math.abs(ours - theirs);
    largest = Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }
  return largest;
}

const signed = (random: () => number): number => Math.round(random() * 64 - 32) / 16;
const positive = (random: () => number): number => Math.round(random() * 2) / 16;

function ensemble(
  seed: number,
  targets: (tree: number) => readonly number[],
  weight = signed,
  modes: readonly string[] = allModes,
): Ensemble {
  const random = seededRandom(seed);
  const maxDepth = Math.floor(random() * 9);
  const trees = 1 + Math.floor(random() * 12);
  return randomEnsemble({ trees, features, maxDepth, modes, targets, weight }, random);
}

const seeds = Array.from({ length: 12 }, (_, seed) => seed);

describe.each(seeds)("random trees, seed %i", (seed) => {
  it("regress to one number", () =>
    compare(
      regressorModel(
        ensemble(seed, () => [0]),
        features,
        1,
      ),
      seed,
    ));

  it("regress on one comparison alone", () =>
    compare(
      regressorModel(
        ensemble(seed, () => [0], signed, [allModes[seed % 4] ?? ""]),
        features,
        1,
      ),
      seed,
    ));

  it("regress to several numbers with a base, on average", () =>
    compare(
      regressorModel(
        ensemble(seed, () => [0, 1, 2]),
        features,
        3,
        {
          base_values: [0.5, -1, 2],
          aggregate_function: "AVERAGE",
        },
      ),
      seed,
    ));

  it.each(["NONE", "LOGISTIC"])("decide between two classes by a margin (%s)", (post_transform) =>
    compare(
      classifierModel(
        ensemble(seed, () => [0]),
        features,
        [10n, 20n],
        { post_transform, base_values: [0.25] },
      ),
      seed,
    ),
  );

  it.each(["NONE", "LOGISTIC"])("decide between two classes by a share (%s)", (post_transform) =>
    compare(
      classifierModel(
        ensemble(seed, () => [0], positive),
        features,
        ["no", "yes"],
        { post_transform },
      ),
      seed,
    ),
  );

  it.each(["NONE", "LOGISTIC", "SOFTMAX"])("decide between classes, a tree each (%s)", (post_transform) => {
    const random = seededRandom(seed);
    const shape = { trees: 9, features, maxDepth: 4, modes: allModes, weight: signed };
    const built = randomEnsemble({ ...shape, targets: (tree) => [tree % 3] }, random);
    return compare(
      classifierModel(built, features, [3n, -1n, 7n], { post_transform, base_values: [0.5, 0, -0.25] }),
      seed,
    );
  });

  it("decide between classes, all in each leaf", () =>
    compare(
      classifierModel(
        ensemble(seed, () => [0, 1, 2]),
        features,
        ["a", "b", "c"],
      ),
      seed,
    ));
});

describe("left to ONNX Runtime", () => {
  const trees = ensemble(1, () => [0]);
  const engines = async (built: OnnxModel) =>
    (await runtime.inspect(writeModel(built), [])).engines.map(({ name }) => name);

  it.each([
    [
      "a comparison with no order",
      regressorModel(
        ensemble(1, () => [0], signed, ["BRANCH_EQ"]),
        features,
        1,
      ),
    ],
    ["the smallest of the trees", regressorModel(trees, features, 1, { aggregate_function: "MIN" })],
    [
      "a transform of its own",
      classifierModel(
        ensemble(1, () => [0, 1, 2]),
        features,
        [0n, 1n, 2n],
        { post_transform: "PROBIT" },
      ),
    ],
    [
      "two classes that both have scores",
      classifierModel(
        ensemble(1, () => [0, 1]),
        features,
        [0n, 1n],
      ),
    ],
    [
      "a class that no tree votes for",
      classifierModel(
        ensemble(1, () => [0, 1]),
        features,
        [0n, 1n, 2n],
      ),
    ],
    [
      "base values of another number",
      classifierModel(
        ensemble(1, () => [0, 1, 2]),
        features,
        [0n, 1n, 2n],
        { base_values: [1] },
      ),
    ],
    ["an attribute that is not known", regressorModel(trees, features, 1, { nodes_values_as_tensor: [1] })],
    [
      "leaves of one tree that score different targets",
      (() => {
        const mixed = ensemble(1, () => [0]);
        const ids = [...(mixed.scores.ids ?? [])] as bigint[];
        ids[0] = 1n;
        return regressorModel({ ...mixed, scores: { ...mixed.scores, ids } }, features, 2);
      })(),
    ],
    [
      "anything done to the input first",
      model({
        node: [
          node({ op: "Neg", in: ["x"], out: ["negated"] }),
          ...regressorModel(trees, features, 1).graph.node.map((own) => ({ ...own, input: ["negated"] })),
        ],
        input: [value("x", types.FLOAT, [null, features])],
        output: [value("y", types.FLOAT, [null, 1])],
      }),
    ],
  ])("%s", async (_, built) => {
    expect(await engines(built)).toEqual(["onnxruntime"]);
  });

  it("but not for a factor of 1, an Identity and a label's Cast, as LightGBM's exporter ends without ZipMap", async () => {
    const plain = classifierModel(trees, features, [0n, 1n], { post_transform: "LOGISTIC" });
    const [inner] = plain.graph.node;
    const [label = "", scores = ""] = inner?.output ?? [];
    inner?.output.splice(0, 2, "l", "s");
    plain.graph.node.push(
      node({ op: "Cast", in: ["l"], out: [label], with: { to: 7n } }),
      node({ op: "Identity", in: ["s"], out: ["copy"] }),
      node({ op: "Mul", in: ["copy", "one"], out: [scores] }),
    );
    plain.graph.initializer.push(floats("one", [], [1]));
    expect(await engines(plain)).toEqual(["compiled-trees", "onnxruntime"]);
    await compare(plain, 3);
  });

  it.each([
    ["a node that is its own grandchild", "nodes_truenodeids", 0n],
    ["a child that is not there", "nodes_falsenodeids", 999n],
  ])("a broken tree: %s", async (_, attribute, id) => {
    const random = seededRandom(2);
    const shape = { trees: 1, features, maxDepth: 3, modes: allModes, weight: signed };
    const { nodes, scores } = randomEnsemble({ ...shape, targets: () => [0] }, random);
    const list = [...(nodes[attribute] ?? [])] as bigint[];
    list[1] = id;
    expect(nodes.nodes_modes?.[1]).not.toBe("LEAF");
    expect(
      await engines(regressorModel({ nodes: { ...nodes, [attribute]: list }, scores }, features, 1)),
    ).toEqual(["onnxruntime"]);
  });
});

it("refuses rows that are narrower than what the trees look at", async () => {
  const [compiled] = await loadedOnAll(
    writeModel(
      regressorModel(
        ensemble(3, () => [0]),
        features,
        1,
      ),
    ),
  );
  const x: Tensor = { type: "float32", dims: [2, 1], data: new Float32Array(2) };
  await expect(compiled?.predictor.predict({ x })).rejects.toMatchObject({ code: "model.input-mismatch" });
});
