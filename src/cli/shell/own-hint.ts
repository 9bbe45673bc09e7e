/** Hints in the words of the command that failed: the worker host, where most errors arise, only knows specs. */
import { isAbsolute, relative } from "node:path";
import type { Command } from "commander";
import { asNightshiftError, withHint } from "../../errors.js";
import { shellLine } from "../../text/shell-line.js";

/** Returns what was thrown, with a hint that names the command's own option where it has one. */
export function withOwnHint(thrown: unknown, command: Command, cwd: string): unknown {
  const error = asNightshiftError(thrown);
  const { path } = error.details;
  if (error.code !== "model.external-data-unlisted" || typeof path !== "string") return thrown;
  // A job lists the file in its spec, which is the hint as it came.
  const isOfModel = command.args[0]?.toLowerCase().endsWith(".onnx") === true;
  if (!isOfModel || !command.options.some(({ long }) => long === "--external-data")) return thrown;
  const hint = `If it belongs to the model, add: --external-data ${shellLine(fromHere(path, cwd))}`;
  return withHint(error, hint);
}

function fromHere(path: string, cwd: string): string {
  const near = relative(cwd, path);
  return near === "" || near.startsWith("..") || isAbsolute(near) ? path : near;
}
