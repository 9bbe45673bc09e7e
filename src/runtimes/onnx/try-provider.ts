/** Tests whether a provider works, with a multiplication that may not run anywhere else. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType } from "#onnx-proto";
import type { ProviderTrial } from "../model.js";
import type { Turns } from "./device-turns.js";
import { type Engine, quiet } from "./engine.js";
import { messageOf } from "./engine-errors.js";
import { whyNot } from "./providers.js";
import { noCpuFallback } from "./session.js";

export async function tryProvider(engine: Engine, provider: string, turns: Turns): Promise<ProviderTrial> {
  try {
    const product = await turns(() => squareOf(3, engine, provider));
    if (product === 9) return { provider, works: true };
    return {
      provider,
      works: false,
      reason: `it computes 3 x 3 as ${product}`,
      hint: "Update its driver, or use another provider.",
    };
  } catch (cause) {
    return { works: false, ...whyNot(provider, messageOf(cause)) };
  }
}

async function squareOf(value: number, engine: Engine, provider: string): Promise<unknown> {
  const session = await engine.InferenceSession.create(squareModel(), {
    executionProviders: [provider],
    logSeverityLevel: quiet,
    extra: { session: noCpuFallback },
  });
  try {
    const x = new engine.Tensor("float32", Float32Array.of(value), [1]);
    const { y } = await session.run({ x }, { logSeverityLevel: quiet });
    return y?.data[0];
  } finally {
    await session.release();
  }
}

/** `y = x * x`. */
function squareModel(): Uint8Array {
  const vector = {
    value: {
      case: "tensorType" as const,
      value: {
        elemType: TensorProto_DataType.FLOAT,
        shape: { dim: [{ value: { case: "dimParam" as const, value: "N" } }] },
      },
    },
  };
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: "", version: 13n }],
      graph: {
        name: "square",
        node: [{ opType: "Mul", input: ["x", "x"], output: ["y"] }],
        input: [{ name: "x", type: vector }],
        output: [{ name: "y", type: vector }],
      },
    }),
  );
}
