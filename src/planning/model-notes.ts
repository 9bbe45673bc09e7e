/** Models that say when they are at work, to whoever watches this process: see `RegistryOptions.note`. */

import type { Asset } from "../job/plan.js";
import type { ModelRuntime, Predictor } from "../runtimes/model.js";

type Note = (line: string) => void;

/** While it is loaded: a partition's thread predicts too often to tell of each time. */
export function notingLoads(runtime: ModelRuntime, note: Note): ModelRuntime {
  return {
    ...runtime,
    tryLoad: (assets, profile) => during(assets, note, () => runtime.tryLoad(assets, profile)),
    load: (assets, profile) => during(assets, note, () => runtime.load(assets, profile)),
  };
}

/** Whenever it is at work. */
export function notingModels(runtime: ModelRuntime, note: Note): ModelRuntime {
  const noting = notingLoads(runtime, note);
  return {
    ...noting,
    async load(assets, profile): Promise<Predictor> {
      const predictor = await noting.load(assets, profile);
      return {
        ...predictor,
        predict: (inputs, outputs) =>
          during(assets, note, () => predictor.predict(inputs, outputs), "predict"),
      };
    },
  };
}

async function during<T>(
  assets: readonly Asset[],
  note: Note,
  work: () => Promise<T>,
  mark: "model" | "predict" = "model",
): Promise<T> {
  const path = assets.find(({ role }) => role === "model")?.path ?? "";
  note(`+${mark} ${path}`);
  try {
    return await work();
  } finally {
    note(`-${mark} ${path}`);
  }
}
