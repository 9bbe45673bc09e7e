import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ModelError } from "../../src/errors.js";
import { chooseProvider, type TryProvider, whyNot } from "../../src/runtimes/onnx/providers.js";
import { scratch } from "../support/scratch.js";

/** A machine where these work, and nothing else does. */
function machineWith(...working: readonly string[]): TryProvider {
  return async (provider) =>
    working.includes(provider)
      ? { provider, works: true }
      : { provider, works: false, reason: `there is no ${provider}`, hint: `Buy a ${provider}.` };
}

async function refusal(wanted: readonly string[], machine = machineWith("cpu")): Promise<ModelError> {
  const error = await chooseProvider(wanted, machine).catch((thrown) => thrown);
  if (error instanceof ModelError) return error;
  throw new Error("a provider was chosen");
}

describe("choosing an execution provider", () => {
  it("takes the first one that works, and says why it is not an earlier one", async () => {
    expect(await chooseProvider(["cuda", "cpu"], machineWith("cpu", "cuda"))).toEqual({
      provider: "cuda",
      passedOver: [],
    });
    expect(await chooseProvider(["cuda", "webgpu", "cpu"], machineWith("cpu", "webgpu"))).toEqual({
      provider: "webgpu",
      passedOver: [{ provider: "cuda", reason: "there is no cuda", hint: "Buy a cuda." }],
    });
  });

  it("says why none works, and the way out", async () => {
    const error = await refusal(["cuda", "webgpu"]);
    expect(error.code).toBe("model.provider-missing");
    expect(error.message).toBe(
      "cuda does not work here: there is no cuda; webgpu does not work here: there is no webgpu",
    );
    expect(error.hint).toContain("providers: [cuda, webgpu, cpu]");
  });

  it.each([
    ["CUDAExecutionProvider", "cuda"],
    ["CPUExecutionProvider", "cpu"],
    ["gpu", "cuda"],
    ["cdua", "cuda"],
    ["web-gpu", "webgpu"],
    ["cpus", "cpu"],
  ])("refuses %s, and thinks of %s", async (name, meant) => {
    const error = await refusal([name, "cpu"]);
    expect(error.code).toBe("model.provider-unknown");
    expect(error.hint).toContain(`Did you mean "${meant}"?`);
  });

  it("refuses a name that it does not know also behind one that works", async () => {
    expect((await refusal(["cpu", "banana"])).hint).toBe("Known: cpu, cuda, webgpu.");
  });
});

describe("why a provider does not run", () => {
  const failed = "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library";

  it("distinguishes missing libraries of CUDA from incomplete ones", () => {
    const libraries = scratch();
    expect(whyNot("cuda", failed, libraries).reason).toContain("are not installed");
    writeFileSync(join(libraries, "libonnxruntime_providers_cuda.so"), "");
    expect(whyNot("cuda", failed, libraries)).toMatchObject({
      reason: expect.stringContaining("something that they need is not"),
      hint: expect.stringContaining(join(libraries, "libonnxruntime_providers_cuda.so")),
    });
  });

  it("knows the engine's words for a build without a provider", () => {
    const message = "no available backend found. ERR: [webgpu] backend not found.";
    expect(whyNot("webgpu", message).reason).toContain("comes without it");
  });

  it("passes on what it does not know", () => {
    expect(whyNot("webgpu", "Device lost: 7\n").reason).toBe("Device lost: 7");
  });
});
