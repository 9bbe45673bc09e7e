import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ModelError } from "../../src/errors.js";
import { availableProviders, chooseProvider } from "../../src/runtimes/onnx/providers.js";
import { linux, needs } from "../support/places.js";

function refusal(wanted: readonly string[], available?: readonly ("cpu" | "cuda")[]): ModelError {
  try {
    chooseProvider(wanted, available);
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error("a provider was chosen");
}

describe("choosing an execution provider", () => {
  it("takes the first one that can run", () => {
    expect(chooseProvider(["cuda", "cpu"], ["cpu", "cuda"])).toBe("cuda");
    expect(chooseProvider(["cuda", "cpu"], ["cpu"])).toBe("cpu");
  });

  it("says what is there when none can run", () => {
    const error = refusal(["cuda"], ["cpu"]);
    expect(error.code).toBe("model.provider-missing");
    expect(error.hint).toContain("Available: cpu.");
  });

  it.each([
    ["CUDAExecutionProvider", "cuda"],
    ["CPUExecutionProvider", "cpu"],
    ["gpu", "cuda"],
    ["cdua", "cuda"],
    ["web-gpu", "webgpu"],
    ["cpus", "cpu"],
  ])("refuses %s, and thinks of %s", (name, meant) => {
    const error = refusal([name, "cpu"], ["cpu"]);
    expect(error.code).toBe("model.provider-unknown");
    expect(error.hint).toContain(`Did you mean "${meant}"?`);
  });

  it("suggests nothing for a name that resembles none", () => {
    expect(refusal(["banana"]).hint).toBe("Known: cpu, cuda, webgpu.");
  });

  it("offers cuda only where its library lies beside the engine", (context) => {
    needs(context, linux());
    const libraries = mkdtempSync(join(tmpdir(), "nightshift-libraries-"));
    expect(availableProviders(libraries)).toEqual(["cpu"]);
    writeFileSync(join(libraries, "libonnxruntime_providers_cuda.so"), "");
    expect(availableProviders(libraries)).toEqual(["cpu", "cuda"]);
  });
});
