/**
 * Decides which execution provider runs: the engine silently falls back from some, and throws at one whose
 * library is missing even if another could have run.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ModelError } from "../../errors.js";
import { type Profile, providerNames } from "../../job/profile.js";
import type { ChosenProvider, MissingProvider, ProviderTrial } from "../model.js";
import { libraryDirectory } from "./engine.js";
import { shortened } from "./engine-errors.js";

type Provider = (typeof providerNames)[number];

export type TryProvider = (provider: string) => Promise<ProviderTrial>;

/** @throws ModelError `model.provider-unknown`, `model.provider-missing` */
export async function chooseProvider(
  wanted: readonly string[],
  tryProvider: TryProvider,
): Promise<ChosenProvider> {
  for (const name of wanted) requireKnown(name);
  const passedOver: MissingProvider[] = [];
  for (const name of wanted) {
    const trial = await tryProvider(name);
    if (trial.works) return { provider: name, passedOver };
    const { provider, reason, hint } = trial;
    passedOver.push({ provider, reason, hint });
  }
  throw missing(passedOver);
}

/** Refuses a run that was planned for another provider. @throws ModelError `model.provider-mismatch` */
export async function requireProvider({ provider }: Profile, tryProvider: TryProvider): Promise<void> {
  const trial = await tryProvider(provider);
  if (trial.works) return;
  throw new ModelError(
    "model.provider-mismatch",
    `the run's profile says that it runs on ${provider}, which does not work here: ${trial.reason}`,
    {
      hint: `${trial.hint} Or run it where it was planned, or plan it again with --restart.`,
      details: { wanted: provider },
    },
  );
}

function missing(tried: readonly MissingProvider[]): ModelError {
  const names = tried.map(({ provider }) => provider);
  if (tried.length === 0)
    return new ModelError("model.provider-missing", "no execution provider is named", {
      hint: `Known: ${providerNames.join(", ")}.`,
    });
  return new ModelError(
    "model.provider-missing",
    `${tried.map(({ provider, reason }) => `${provider} does not work here: ${reason}`).join("; ")}`,
    {
      hint: [
        ...tried.map(({ hint }) => hint),
        `Or let the CPU follow: providers: [${[...names, "cpu"].join(", ")}] (score: --provider ${[...names, "cpu"].join(",")}).`,
      ].join(" "),
      details: { wanted: names },
    },
  );
}

/** Explains why a provider did not run, from the engine's message (onnxruntime 1.30). */
export function whyNot(
  provider: string,
  message: string,
  libraries: string = libraryDirectory(),
): MissingProvider {
  if (/backend not found|not supported in this build|is not enabled/i.test(message))
    return {
      provider,
      reason: `ONNX Runtime for ${process.platform} on ${process.arch} comes without it`,
      hint: "See docs/providers.md for what runs where.",
    };
  if (provider === "webgpu" && /Failed to get a WebGPU adapter/i.test(message))
    return {
      provider,
      reason: "no graphics adapter was found",
      hint: "Install the graphics card's Vulkan driver and the Vulkan loader (libvulkan1); `vulkaninfo --summary` lists what is there.",
    };
  if (provider === "cuda" && !existsSync(join(libraries, "libonnxruntime_providers_cuda.so")))
    return {
      provider,
      reason: "ONNX Runtime's CUDA libraries are not installed",
      hint: "Install them with ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node (Linux on x64).",
    };
  if (provider === "cuda" && /Failed to load shared library|cannot open shared object/i.test(message))
    return {
      provider,
      reason: "ONNX Runtime's CUDA libraries are there, and something that they need is not",
      hint: `Install CUDA 12 and cuDNN 9; ldd ${join(libraries, "libonnxruntime_providers_cuda.so")} names what is missing.`,
    };
  return {
    provider,
    reason: shortened(message),
    hint: "Check its driver; `nightshift doctor` tries it again.",
  };
}

function requireKnown(name: string): asserts name is Provider {
  if (providerNames.some((provider) => provider === name)) return;
  const meant = suggestion(name);
  throw new ModelError("model.provider-unknown", `unknown execution provider "${name}"`, {
    hint: `${meant === null ? "" : `Did you mean "${meant}"? `}Known: ${providerNames.join(", ")}.`,
    details: { provider: name, known: providerNames },
  });
}

/**
 * Finds the intended provider: by ONNX Runtime's own name (`CUDAExecutionProvider`), a common name, or a
 * misspelling by one letter.
 */
function suggestion(name: string): Provider | null {
  const plain = name.toLowerCase().replace(/[^a-z]|executionprovider$/g, "");
  if (plain === "gpu" || plain === "nvidia") return "cuda";
  return providerNames.find((provider) => plain === provider || differByOne(plain, provider)) ?? null;
}

function differByOne(a: string, b: string): boolean {
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  const [restA, restB] = [a.slice(same), b.slice(same)];
  return (
    restA.slice(1) === restB.slice(1) ||
    restA.slice(1) === restB ||
    restA === restB.slice(1) ||
    (restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2))
  );
}
