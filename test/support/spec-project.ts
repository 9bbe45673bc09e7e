/** A folder with job specs in it, and a way to load them. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { InvalidSpecError } from "../../src/spec/invalid-spec-error.js";
import { type LoadContext, type LoadedJob, loadJob } from "../../src/spec/load.js";

export interface SpecProject {
  readonly root: string;
  write(path: string, text: string | Uint8Array): string;
  load(path: string, context?: Partial<LoadContext>): Promise<LoadedJob>;
  /** The mistakes of a spec that has some. */
  mistakes(path: string, context?: Partial<LoadContext>): Promise<InvalidSpecError>;
  remove(): void;
}

export function makeSpecProject(): SpecProject {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-spec-")));
  const project: SpecProject = {
    root,
    write(path, text) {
      const absolute = join(root, path);
      mkdirSync(dirname(absolute), { recursive: true });
      writeFileSync(absolute, text);
      return absolute;
    },
    load: (path, context = {}) =>
      loadJob(path, {
        cwd: root,
        vars: {},
        environment: {},
        now: new Date("2026-01-20T12:00:00Z"),
        outputRoot: null,
        ...context,
      }),
    async mistakes(path, context) {
      try {
        await project.load(path, context);
      } catch (error) {
        if (error instanceof InvalidSpecError) return error;
        throw error;
      }
      throw new Error(`${path} has no mistake`);
    },
    remove: () => rmSync(root, { recursive: true }),
  };
  return project;
}

const sections = {
  version: "version: 1",
  name: "name: flights",
  model: "model: model.onnx",
  input: "input: { from: data/*.parquet }",
  write: "write: { to: out }",
};

/** A small job in which each given section stands instead of the usual one, or is added at the end. */
export function jobText(...given: readonly string[]): string {
  const keyOf = (section: string): string => section.slice(0, section.indexOf(":"));
  const replaced = new Map<string, string>(Object.entries(sections));
  for (const section of given) replaced.set(keyOf(section.replace(/[⟦⟧]/g, "")), section);
  return `${[...replaced.values()].join("\n")}\n`;
}
