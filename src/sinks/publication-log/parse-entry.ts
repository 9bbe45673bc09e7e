/**
 * Parses entries of the publication log. They may come from a newer version, from a damaged disk, or from a
 * manual edit: every field is checked before use.
 */
import { InfraError, SpecError } from "../../errors.js";
import { type LogEntry, logVersion } from "./publication-log.js";

/** @throws InfraError `infra.log-corrupt`, SpecError `refused.newer-log` */
export function parseEntry(text: string, seq: number): LogEntry {
  const entry = parseObject(text, seq);
  if (typeof entry.version === "number" && entry.version > logVersion) {
    throw new SpecError(
      "refused.newer-log",
      `log entry ${seq} was written by a newer Nightshift (log version ${entry.version}; this one knows ${logVersion})`,
      { hint: "Use the newer version for this output." },
    );
  }
  const wrong = firstWrongField(entry, seq);
  if (wrong !== null) throw corrupt(seq, `field \`${wrong}\` is not as expected`);
  return entry as unknown as LogEntry;
}

function parseObject(text: string, seq: number): { readonly [field: string]: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (cause) {
    throw corrupt(seq, "it is not JSON", cause);
  }
  throw corrupt(seq, "it is not an object");
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isCount: Check = (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const isCountOrNull: Check = (value) => value === null || isCount(value);
/** Checks that a path is relative and stays below its start: a manipulated log must not reach other files. */
const isInnerPath: Check = (value) =>
  typeof value === "string" &&
  !value.includes("\\") &&
  value.split("/").every((part) => part !== "" && part !== "." && part !== "..");
const isRunName: Check = (value) => isText(value) && isInnerPath(value) && !String(value).includes("/");

const runFields: Shape = {
  id: isRunName,
  jobId: isText,
  jobName: isText,
  scope: isText,
  generation: isCount,
  fingerprint: isText,
  interval: (value) =>
    value === null || (isObject(value) && [value.start, value.end, value.ds].every(isText)),
  createdAt: (value) => value === undefined || isText(value),
};
const fileFields: Shape = {
  path: isInnerPath,
  staged: isInnerPath,
  partitionValues: (value) => Array.isArray(value) && value.every(isText),
  rows: isCount,
  bytes: isCount,
  sha256: isText,
  runId: isText,
};
const liveRunFields: Shape = {
  ...runFields,
  publication: isCount,
  at: isText,
  partitionBy: (value) => Array.isArray(value) && value.every(isText),
};
const decisionFields: Shape = {
  outcome: (value) => value === "commit" || value === "abort",
  publication: isCount,
};
const commitFields: Shape = {
  mode: (value) => value === "error" || value === "append" || value === "replace",
  partitionBy: (value) => Array.isArray(value) && value.every(isText),
  columns: (value) => value === null || Array.isArray(value),
  modelSha256: (value) => value === null || isText(value),
  quarantine: everyHas(fileFields),
};
const entryFields: Shape = {
  version: (value) => value === logVersion,
  seq: isCount,
  previous: isCountOrNull,
  at: isText,
  action: (value) => value === "commit" || value === "abort" || value === "rollback",
  run: (value) => has(value, runFields),
  publication: isCountOrNull,
  beneath: isCountOrNull,
  shownSince: isCountOrNull,
  runs: everyHas(liveRunFields),
  files: everyHas(fileFields),
  decided: (value) => isObject(value) && Object.values(value).every((one) => has(one, decisionFields)),
  commit: (value) => value === null || has(value, commitFields),
};

type Shape = { readonly [field: string]: Check };

function has(value: unknown, shape: Shape): boolean {
  return isObject(value) && Object.entries(shape).every(([field, check]) => check(value[field]));
}

function everyHas(shape: Shape): Check {
  return (value) => Array.isArray(value) && value.every((one) => has(one, shape));
}

function firstWrongField(entry: { readonly [field: string]: unknown }, seq: number): string | null {
  const wrong = Object.entries(entryFields).find(([field, check]) => !check(entry[field]));
  if (wrong !== undefined) return wrong[0];
  if (entry.seq !== seq) return "seq";
  return (entry.action === "commit") === (entry.commit !== null) ? null : "commit";
}

function isObject(value: unknown): value is { readonly [field: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function corrupt(seq: number, why: string, cause?: unknown): InfraError {
  return new InfraError("infra.log-corrupt", `publication log entry ${seq} cannot be read: ${why}`, {
    hint: "Restore the log from a backup, or move the output and its hidden directory away and publish again.",
    details: { seq },
    cause,
  });
}
