/**
 * Bundles a hook's source and everything it imports into one script, which is what is pinned, stored and run.
 */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { BuildFailure, BuildOptions, Message } from "esbuild";
import { InfraError, SpecError } from "../errors.js";

/**
 * Bundles for the oldest supported Node, so that a source gives the same bytes on every supported version.
 * Paths in the bundle are relative to the source, so that a project may be checked out anywhere.
 * @throws SpecError `hook.not-found`, `hook.bundle`; InfraError `infra.unsupported` if esbuild cannot run
 */
export async function bundleHook(path: string): Promise<Uint8Array> {
  if (!existsSync(path))
    throw new SpecError("hook.not-found", `there is no file ${path}`, {
      hint: "correct `pre:` or `post:` in the job; paths are relative to the spec",
      details: { file: path },
    });
  const { build, stop } = await import("esbuild");
  try {
    const { outputFiles } = await build(optionsFor(path));
    const [output] = outputFiles;
    if (output === undefined)
      throw new InfraError("infra.unsupported", `esbuild produced no output for ${path}`);
    return output.contents;
  } catch (cause) {
    throw isBuildFailure(cause) ? mistake(cause, path) : broken(cause, path);
  } finally {
    await stop();
  }
}

function optionsFor(path: string): BuildOptions & { readonly write: false } {
  return {
    entryPoints: [path],
    absWorkingDir: dirname(path),
    bundle: true,
    write: false,
    platform: "node",
    target: "node20",
    // Evaluated from verified bytes: see `load-bundle.ts`.
    format: "cjs",
    supported: { "dynamic-import": false },
    sourcemap: "inline",
    charset: "utf8",
    legalComments: "none",
    logLevel: "silent",
  };
}

function isBuildFailure(thrown: unknown): thrown is BuildFailure {
  return thrown instanceof Error && "errors" in thrown && Array.isArray(thrown.errors);
}

function mistake(failure: BuildFailure, path: string): SpecError {
  const lines = failure.errors.map((message) => describe(message, path));
  return new SpecError("hook.bundle", lines.join("\n"), {
    hint: "correct the hook; packages that it imports must be installed beside it",
    details: { file: path },
    cause: failure,
  });
}

function describe({ text, location }: Message, path: string): string {
  if (location === null) return `${path}: ${text}`;
  const file = resolve(dirname(path), location.file);
  const caret = `${" ".repeat(location.column)}^`;
  return `${file}:${location.line}:${location.column + 1}: ${text}\n  ${location.lineText}\n  ${caret}`;
}

function broken(cause: unknown, path: string): Error {
  if (cause instanceof InfraError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new InfraError("infra.unsupported", `esbuild can't bundle ${path}: ${reason}`, {
    hint: "install Nightshift again, with its optional dependencies",
    cause,
  });
}
