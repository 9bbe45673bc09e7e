/** Collects garbage, with the retention of the project that the caller is in. */
import { findProjectRoot } from "../config.js";
import type { Garbage } from "../running/collect-garbage.js";
import { loadRetention } from "../spec/load.js";
import type { ServiceContext } from "./context.js";

/** @throws InvalidSpecError with every mistake in nightshift.yaml; nothing is removed then */
export async function collectGarbage(context: ServiceContext, dryRun: boolean): Promise<Garbage> {
  const { cwd, target, settings, secrets } = context;
  const keepRunsMs = await loadRetention(findProjectRoot(cwd), {
    cwd,
    ...(target === null ? {} : { target }),
    environment: settings.environment,
    secrets,
  });
  return (await context.app()).collectGarbage(dryRun, keepRunsMs);
}
