/** Paths: they are local, inside the output root, and the output is separate from the input. */
import { resolve, sep } from "node:path";
import type { Problem, SpecPath } from "../../job/spec-problem.js";
import { wrong } from "../../job/spec-problem.js";
import { schemeOf } from "../../text/path-scheme.js";
import { unwrittenEnding } from "../../text/recognise-file.js";
import { isBelowRoot, isInside } from "../inside-root.js";
import type { JobSpec } from "../schema.js";
import { isInputPath, isOutputPath } from "./adapters.js";
import { asList, type Check, itemPath } from "./check.js";

export const localPaths: Check = {
  reads: [
    ["model"],
    ["input", "from"],
    ["pre"],
    ["post"],
    ["check"],
    ["write", "to"],
    ["write", "quarantine"],
  ],
  problems: ({ spec }) => notLocal(pathsOf(spec)),
};

export const localMappingFiles: Check = {
  reads: [["features"], ["outputs"]],
  problems: ({ spec }) => notLocal(mappingFilesOf(spec)),
};

export const insideOutputRoot: Check = {
  reads: [["write"]],
  *problems({ spec, baseDir, outputRoot }) {
    if (outputRoot === null) return;
    const { to, quarantine } = spec.write;
    const written: readonly (readonly [SpecPath, string | undefined])[] = [
      [["write", "to"], isOutputPath(to) ? to : undefined],
      [["write", "quarantine", "directory"], quarantine?.directory],
    ];
    for (const [path, text] of written) {
      if (text === undefined || isBelowRoot(resolve(baseDir, text), outputRoot)) continue;
      const message = `it does not lie below NIGHTSHIFT_OUTPUT_ROOT, ${outputRoot}`;
      yield wrong(path, "spec.outside-output-root", message, "write below that directory");
    }
  },
};

export const outputApartFromInput: Check = {
  reads: [
    ["input", "from"],
    ["write", "to"],
  ],
  *problems({ spec, baseDir }) {
    if (!isOutputPath(spec.write.to)) return;
    const to = resolve(baseDir, spec.write.to);
    for (const from of asList(spec.input.from)) {
      if (!isInputPath(from)) continue;
      const { root, recursive } = searchedBy(baseDir, from);
      if (to !== root && !(recursive && isInside(to, root))) continue;
      yield wrong(
        ["write", "to"],
        "spec.output-in-input",
        "the next run would read this output as its input",
        "write outside of `input.from`",
      );
      return;
    }
  },
};

export const writtenFormat: Check = {
  reads: [["write", "to"]],
  *problems({ spec }) {
    const { to } = spec.write;
    const ending = isOutputPath(to) ? unwrittenEnding(to) : null;
    if (ending === null) return;
    yield wrong(
      ["write", "to"],
      "spec.not-supported",
      `predictions are written as Parquet, not as \`${ending}\``,
      "name a file that ends in `.parquet`, or a directory: one that ends in a slash may be called anything",
    );
  },
};

export const oneFileOutput: Check = {
  reads: [["write"]],
  *problems({ spec }) {
    const { to, mode, partition_by } = spec.write;
    if (!to.endsWith(".parquet") || !isOutputPath(to)) return;
    const suggestion = "name a directory in `to`";
    if (mode === "append")
      yield wrong(["write", "mode"], "spec.one-file", "nothing can be appended to one file", suggestion);
    if (partition_by !== undefined)
      yield {
        path: ["write", "partition_by"],
        at: "key",
        code: "spec.one-file",
        message: "one file has no partition directories",
        suggestion,
      };
  },
};

interface WrittenPath {
  readonly path: SpecPath;
  readonly text: string;
}

function* notLocal(paths: Iterable<WrittenPath>): Iterable<Problem> {
  for (const { path, text } of paths) {
    if (path[0] === "input" && !isInputPath(text)) continue;
    if (path.join(".") === "write.to" && !isOutputPath(text)) continue;
    const scheme = schemeOf(text);
    if (scheme === "file")
      yield wrong(
        path,
        "spec.not-supported",
        "a `file://` address is not a path",
        `write \`${text.replace(/^file:\/{2}?/i, "")}\``,
      );
    else if (scheme !== null)
      yield wrong(
        path,
        "spec.not-supported",
        `\`${scheme}://\` is not supported by this version`,
        "use a local path",
      );
    else if (text.includes("://"))
      yield wrong(path, "spec.not-supported", "it has `://` inside, and is no address", "write a local path");
    else if (/^~(\/|$)/.test(text))
      yield wrong(path, "spec.tilde", "`~` means nothing here", `write \`\${HOME}${text.slice(1)}\``);
  }
}

function* pathsOf(spec: JobSpec): Iterable<WrittenPath> {
  const { model } = spec;
  if (typeof model === "string") yield { path: ["model"], text: model };
  else {
    yield { path: ["model", "path"], text: model.path };
    for (const [index, text] of model.external_data.entries())
      yield { path: ["model", "external_data", index], text };
  }
  const { from } = spec.input;
  for (const [index, text] of asList(from).entries())
    yield { path: itemPath(["input", "from"], from, index), text };
  for (const hook of ["pre", "post"] as const) {
    const text = spec[hook];
    if (text !== undefined) yield { path: [hook], text };
  }
  if (typeof spec.check === "string") yield { path: ["check"], text: spec.check };
  else if (spec.check !== undefined) yield { path: ["check", "file"], text: spec.check.file };
  yield { path: ["write", "to"], text: spec.write.to };
  const directory = spec.write.quarantine?.directory;
  if (directory !== undefined) yield { path: ["write", "quarantine", "directory"], text: directory };
}

function* mappingFilesOf(spec: JobSpec): Iterable<WrittenPath> {
  for (const [name, feature] of Object.entries(spec.features ?? {})) {
    if (typeof feature === "string") continue;
    const at = ["features", name];
    if (feature.map !== undefined) yield { path: [...at, "map", "file"], text: feature.map.file };
    for (const [place, element] of (feature.stack ?? []).entries())
      if (typeof element !== "string" && element.map !== undefined)
        yield { path: [...at, "stack", place, "map", "file"], text: element.map.file };
  }
  for (const [name, { ids }] of Object.entries(spec.outputs))
    if (ids !== undefined) yield { path: ["outputs", name, "ids", "file"], text: ids.file };
}

/** The directory in which a path or glob is searched, and whether the search is recursive. */
function searchedBy(baseDir: string, from: string): { readonly root: string; readonly recursive: boolean } {
  const steps = from.split(sep);
  // Special characters in the project's own directory names are not part of a pattern.
  const glob = steps.findIndex((step) => /[*?[\]{}!]/.test(step));
  if (glob < 0) return { root: resolve(baseDir, from), recursive: !from.endsWith(".parquet") };
  const literal = steps.slice(0, glob).join(sep);
  return {
    root: resolve(baseDir, literal === "" && from.startsWith(sep) ? sep : literal),
    recursive: from.includes("**"),
  };
}
