/** Reads `nightshift.yaml` beside `jobs/`: targets, and the variables that differ between them. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { projectOfSpec } from "../config.js";
import { type JsonValue, SpecError } from "../errors.js";
import type { Problem } from "../job/spec-problem.js";
import { closest } from "../text/closest-word.js";
import type { Diagnostic } from "./diagnostic.js";
import { didYouMean } from "./did-you-mean.js";
import type { Vars } from "./expand-templates.js";
import { expandTreeVariables, type TreeVariableContext } from "./expand-tree-variables.js";
import { problemsOfIssues } from "./issues.js";
import { parseDurationMs } from "./quantities.js";
import { notify } from "./schema/notify.js";
import { constant, duration } from "./schema/scalars.js";
import { readSpecFile } from "./spec-file.js";
import { locateProblems } from "./spec-source.js";
import { type TakenNotify, takeNotify } from "./take-notify.js";
import { parseYaml } from "./yaml-source.js";

const projectSchema = z.strictObject({
  default_target: z
    .string()
    .optional()
    .meta({ description: "Target of a load without `--target`.", examples: ["dev"] }),
  targets: z
    .record(
      z.string(),
      z.strictObject({
        vars: z
          .record(
            z
              .string()
              .regex(/^[A-Za-z_][\w-]*$/, { error: "a variable's name is letters, digits, `_` and `-`" }),
            constant,
          )
          .default({})
          .meta({ description: "Values of `{{ var.name }}` in jobs.", examples: [{ region: "eu" }] }),
      }),
    )
    .default({})
    .meta({
      description: "Places that jobs run in, by name.",
      examples: [{ dev: { vars: { region: "eu" } } }],
    }),
  retention: z
    .strictObject({
      runs: duration.meta({
        description:
          "`gc` removes runs from the ledger that ended longer ago. What they published stays, and each job keeps its newest run.",
        examples: ["180d"],
      }),
    })
    .optional()
    .meta({ description: "How long records are kept.", examples: [{ runs: "180d" }] }),
  // Taken out before this is checked; here so that unknown keys are told from it.
  notify: notify.optional(),
});

export interface Project {
  /** The chosen target. */
  readonly target: string | null;
  readonly vars: Vars;
  /** Names of the variables that contain a secret. */
  readonly secretVars: readonly string[];
  /** Settings for jobs without their own. */
  readonly notify: TakenNotify["notify"];
  /** How long the ledger keeps runs that ended; `null`: for ever. */
  readonly keepRunsMs: number | null;
  readonly diagnostics: readonly Diagnostic[];
  /** Text of the file that the diagnostics refer to. */
  readonly sources: { readonly [file: string]: string };
}

/**
 * @param specDir directory of the job's spec
 * @param display formats a path for display
 * @throws SpecError `usage.unknown-target`
 */
export async function loadProject(
  specDir: string,
  target: string | undefined,
  context: Omit<TreeVariableContext, "baseDir">,
  display: (path: string) => string,
): Promise<Project> {
  const root = projectOfSpec(specDir);
  const path = root === null ? null : join(root, "nightshift.yaml");
  if (path === null || !existsSync(path)) {
    if (target !== undefined)
      throw new SpecError(
        "usage.unknown-target",
        `there is no target \`${target}\`: no nightshift.yaml was found`,
        {
          hint: "write `targets:` into a nightshift.yaml beside `jobs/`",
        },
      );
    return { ...noProject, diagnostics: [], sources: {} };
  }
  const file = display(path);
  const text = await readSpecFile(path, file);
  const parsed = parseYaml(text, file);
  const sources = { [file]: text };
  if (parsed.kind === "broken") return { ...noProject, diagnostics: parsed.diagnostics, sources };
  const place = { ...context, baseDir: dirname(path) };
  const { tree, notify, problems } = takeNotify(parsed.source.tree, place);
  const chosen = chooseTarget(tree, file, target, place);
  const diagnostics = [
    ...parsed.diagnostics,
    ...locateProblems([...problems, ...chosen.problems], parsed.source),
  ];
  return {
    target: chosen.target,
    vars: chosen.vars,
    secretVars: chosen.secretVars ?? [],
    notify,
    keepRunsMs: chosen.keepRunsMs ?? null,
    diagnostics,
    sources,
  };
}

const noProject = { target: null, vars: {}, secretVars: [], notify: null, keepRunsMs: null };

interface Chosen {
  readonly target: string | null;
  readonly vars: Vars;
  readonly secretVars?: readonly string[];
  readonly keepRunsMs?: number | null;
  readonly problems: readonly Problem[];
}

function chooseTarget(
  written: JsonValue,
  file: string,
  wanted: string | undefined,
  context: TreeVariableContext,
): Chosen {
  const tree = written ?? {};
  const parsed = projectSchema.safeParse(tree);
  if (!parsed.success)
    return { target: null, vars: {}, problems: problemsOfIssues(projectSchema, tree, parsed.error.issues) };
  const { targets, default_target, retention } = parsed.data;
  const names = Object.keys(targets);
  const name = wanted ?? default_target ?? null;
  const keepRunsMs = retention === undefined ? null : parseDurationMs(retention.runs);
  if (name === null) return { target: null, vars: {}, keepRunsMs, problems: [] };
  const chosen = Object.hasOwn(targets, name) ? targets[name] : undefined;
  const suggestion =
    didYouMean(closest(name, names)) ?? `there ${names.length === 0 ? "are none" : `is ${names.join(", ")}`}`;
  if (chosen === undefined && wanted !== undefined)
    throw new SpecError("usage.unknown-target", `${file} has no target \`${name}\``, {
      hint: suggestion,
    });
  if (chosen === undefined)
    return {
      target: null,
      vars: {},
      problems: [
        {
          path: ["default_target"],
          at: "value",
          code: "spec.unknown-target",
          message: `there is no target \`${name}\``,
          suggestion,
        },
      ],
    };
  // Only the chosen target is expanded: a variable that is missing for prod must not stop dev.
  const expanded = expandTreeVariables({ targets: { [name]: { vars: chosen.vars } } }, context);
  const vars = projectSchema.parse(expanded.tree).targets[name]?.vars ?? {};
  const secretVars = expanded.secretPaths.map((path) => String(path.at(-1)));
  return { target: name, vars, secretVars, keepRunsMs, problems: expanded.problems };
}
