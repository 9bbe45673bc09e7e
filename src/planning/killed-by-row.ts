/** Reads from the error of a worker host that died whether a row of the input is to blame, and which one. */
import type { NightshiftError } from "../errors.js";
import type { RowPlace } from "../host/host.js";

/** Whether the host died while the model was predicting, by itself and not for its memory. */
export function isKilledByRow({ code, details }: NightshiftError): boolean {
  return code === "model.kills-host" && details.isPredicting === true && details.maxBytes === undefined;
}

/** Returns the row that was tried alone when the host died; `null` if several rows were. */
export function killerIn({ details: { file, row } }: NightshiftError): RowPlace | null {
  return typeof file === "string" && typeof row === "number" ? { file, row } : null;
}
