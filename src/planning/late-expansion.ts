/** Expands what a spec had to leave open: names that exist only once there is a run. */
import type { Asset } from "../job/plan.js";
import { expandTemplate, runScope } from "../text/template.js";

export function lateExpansion(runId: string, assets: readonly Asset[]): (text: string) => string {
  const model = assets.find((asset) => asset.role === "model");
  const scope = runScope(runId, { path: model?.path ?? "", sha256: model?.sha256 ?? "" });
  return (text) => String(expandTemplate(text, scope));
}
