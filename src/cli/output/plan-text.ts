import { basename } from "node:path";
import { typeName } from "../../data/column.js";
import { describeInput, type InputKind, type InputSpec, inputKind } from "../../job/input.js";
import { isLive } from "../../job/job.js";
import type { Partition, PlanTotals } from "../../job/partition.js";
import type { Plan } from "../../job/plan.js";
import { runAgain } from "../../job/way-on.js";
import { abridged } from "../../mapping/did-you-mean.js";
import { type BoundColumn, columnNames, type InputBinding, type Mapping } from "../../mapping/mapping.js";
import type { Standing } from "../../running/choose-run.js";
import type { PlannedJob } from "../../running/run-request.js";
import { shownPath, shownTarget } from "../../service/paths.js";
import { bytes, count, counted } from "../../text/human.js";
import { agreementText } from "./compared.js";
import { wrapLines } from "./fit.js";
import type { Paint } from "./paint.js";
import { renderPairs, renderTable, type TableOptions } from "./table.js";

export interface PlanPlace {
  readonly cwd: string;
  readonly program: string;
  /** All partitions, not the first few. */
  readonly verbose: boolean;
  /** What publishing would do to what is there. */
  readonly outlook: readonly string[];
}

const partitionsShown = 20;

/** A plan for people: whether it would run at all, what it reads, how it maps, and its partitions. */
export function planText(
  { plan, partitions }: PlannedJob,
  standing: Standing,
  place: PlanPlace,
  options: TableOptions,
): string {
  const { paint, width } = options;
  return [
    wrapLines(verdict(plan, standing, place, paint), width),
    renderPairs(facts(plan, place), paint, width),
    mappingTable(plan.mapping, { ...options, verbose: place.verbose }),
    partitionTable(partitions, inputKind(plan.job.input), place, options),
    ...plan.mapping.warnings.map((line) => wrapLines(paint.yellow(`warning: ${line}`), width)),
  ].join("\n\n");
}

/** What `run` would do with this plan, and why. */
function verdict(plan: Plan, { published, unfinished }: Standing, place: PlanPlace, paint: Paint): string {
  const name = paint.bold(plan.job.name);
  const interval = plan.job.interval === null ? "" : ` for ${plan.job.interval.ds}`;
  if (published !== null && !isLive(plan.job)) {
    const changed =
      published.fingerprint === plan.fingerprint
        ? ""
        : ", from another spec, model or input than the ones here now";
    return (
      `${name}${interval}: ${paint.yellow("would be skipped")}, already published ` +
      `${published.at.slice(0, 19)}Z as publication ${published.publication}${changed} ` +
      `(${place.program} ${runAgain(plan.job.name, plan.job, "--reprocess")} scores it again)`
    );
  }
  if (unfinished === null) {
    const anew = published === null ? "" : `, and replace publication ${published.publication}`;
    return `${name}${interval}: ${paint.green("would run")}${anew}`;
  }
  const done = counted(unfinished.accepted.partitions, "partition");
  if (unfinished.fingerprint === null || unfinished.fingerprint === plan.fingerprint)
    return `${name}${interval}: ${paint.green("would resume")} run ${unfinished.run.id}, ${done} done`;
  return (
    `${name}${interval}: ${paint.red("would be refused")}, run ${unfinished.run.id} of another spec, model or input ` +
    `is unfinished (${place.program} ${runAgain(plan.job.name, plan.job, "--restart")} drops it)`
  );
}

function facts(plan: Plan, { cwd, outlook }: PlanPlace): readonly (readonly [string, string])[] {
  const { job, totals, profile } = plan;
  const model = plan.assets.find((asset) => asset.role === "model");
  return [
    ["input", `${rowsText(totals, job.input)}, ${bytes(totals.bytes)} decoded`],
    ["model", `${shownPath(job.model.path, cwd)} (sha256 ${model?.sha256.slice(0, 12) ?? "?"})`],
    ["output", `${shownTarget(job.write, cwd)} (${job.write.mode})`],
    ...outlook.map((line) => ["", line] as const),
    ["partitions", `${counted(totals.partitions, "partition")} on ${counted(plan.threads, "thread")}`],
    [
      "profile",
      `${profile.engine} ${profile.engineVersion} on ${profile.provider}, ` +
        `chunks of ${count(profile.chunkRows)} rows, batches of ${count(profile.batchRows)}`,
    ],
    ...probeFacts(plan),
    ...hookFacts(plan, cwd),
    ...checkFacts(plan, cwd),
    ["fingerprint", plan.fingerprint.slice(0, 16)],
    ...plan.notes.map((note, index) => [index === 0 ? "notes" : "", note] as const),
  ];
}

/** What the model was tried on. */
export function probeFacts({ probe, profile }: Plan): readonly (readonly [string, string])[] {
  if (probe === undefined)
    return profile.engine === "onnxruntime" ? [["probe", "none: the model was tried on no row"]] : [];
  const { rows, varied, batches, verdict } = probe;
  const made = varied === 0 ? "" : `, ${count(varied)} of them variations`;
  return [
    ["probe", `${verdict}: ${counted(rows, "row")}${made}, in calls of ${[...new Set(batches)].join(", ")}`],
  ];
}

/** How the predictions compared with the training library's. */
export function checkFacts({ check, assets }: Plan, cwd: string): readonly (readonly [string, string])[] {
  if (check === undefined) return [];
  const file = assets.find(({ role }) => role === "check")?.path ?? "";
  return [["check", `${counted(check.rows, "row")} of ${shownPath(file, cwd)}: ${agreementText(check)}`]];
}

/** How much is read, and where from. */
export function rowsText({ rows, rowsEstimated, files }: PlanTotals, input: InputSpec): string {
  const about = rowsEstimated === true ? "about " : "";
  const where = inputKind(input).pinsFiles ? counted(files, "file") : describeInput(input);
  return `${about}${counted(rows, "row")} in ${where}`;
}

/** Which columns come from the author's own functions. */
export function hookFacts({ hooks, assets }: Plan, cwd: string): readonly (readonly [string, string])[] {
  return hooks.map(({ role, adds }) => {
    const file = shownPath(assets.find((asset) => asset.role === role)?.path ?? "", cwd);
    const columns = adds.map(({ name, type }) => `${name} (${typeName(type)})`).join(", ");
    return [role.replace("-hook", ""), columns === "" ? file : `${file} adds ${columns}`];
  });
}

/** More inputs of a kind than this are counted instead of shown. */
const inputsShown = 8;
const columnsShown = 8;

export function mappingTable(
  mapping: Mapping,
  options: TableOptions & { readonly verbose: boolean },
): string {
  const inputs = inputRows(mapping.inputs, options.verbose);
  const outputs = mapping.outputs.map((binding) => {
    const names = columnNames(binding);
    const types = new Set(
      mapping.columns.filter(({ name }) => names.includes(name)).map((column) => typeName(column.type)),
    );
    return [binding.output, "->", names.join(", "), [...types].join(", ")];
  });
  const kept = [
    ...mapping.passthrough.map((name) => [name, "->", name, "kept"]),
    ...mapping.added.map(({ column, value }) => [JSON.stringify(value), "->", column, "added"]),
  ];
  return renderTable(
    [{ title: "from" }, { title: "" }, { title: "to" }, { title: "" }],
    [...inputs, ...outputs, ...kept],
    options,
  );
}

/** An input a row; of many that are fed by the columns of their names, how many there are. */
function inputRows(inputs: readonly InputBinding[], verbose: boolean): readonly (readonly string[])[] {
  const namesakes = verbose ? [] : inputs.filter(isNamesake);
  const isCounted = namesakes.length > inputsShown;
  const shown = isCounted ? inputs.filter((binding) => !isNamesake(binding)) : inputs;
  const types = new Set(namesakes.map(tensorText));
  return [
    ...(isCounted
      ? [
          [
            `${count(namesakes.length)} columns`,
            "->",
            `${count(namesakes.length)} inputs by name (-v shows them)`,
            [...types].join(", "),
          ],
        ]
      : []),
    ...shown.map((binding) => [sourceOf(binding, verbose), "->", binding.input, tensorText(binding)]),
  ];
}

function isNamesake(binding: InputBinding): boolean {
  if (binding.kind !== "columns" && binding.kind !== "list") return false;
  const columns = binding.kind === "columns" ? binding.columns : [binding.column];
  return columns.length === 1 && columns.every((column) => columnText(column) === binding.input);
}

function tensorText({ type, rowShape }: InputBinding): string {
  return `${type}[${["N", ...(rowShape ?? ["?"])].join(", ")}]`;
}

function sourceOf(binding: InputBinding, verbose: boolean): string {
  switch (binding.kind) {
    case "columns":
      return abridged(binding.columns.map(columnText), verbose ? Number.POSITIVE_INFINITY : columnsShown);
    case "list":
      return columnText(binding.column);
    case "mask":
      return `lengths of ${binding.column.column}`;
    case "constant":
      return JSON.stringify(binding.value);
  }
}

function columnText({ column, part, map }: BoundColumn): string {
  const value = part === null ? column : `${column}.${part}`;
  return map === null ? value : `${value} by ${basename(map.file)}`;
}

function partitionTable(
  partitions: readonly Partition[],
  kind: InputKind,
  place: PlanPlace,
  options: TableOptions,
): string {
  const most = place.verbose ? partitions.length : partitionsShown;
  const shown = partitions.length > most ? partitions.slice(0, most - 1) : partitions;
  const table = renderTable(
    [
      { title: "partition", align: "right" },
      { title: "rows", align: "right" },
      { title: "decoded", align: "right" },
      { title: kind.partitionNoun },
    ],
    shown.map((partition) => [
      String(partition.index),
      count(partition.rows),
      bytes(partition.bytes),
      kind.describePartition(partition, (path) => shownPath(path, place.cwd)),
    ]),
    options,
  );
  const rest = partitions.length - shown.length;
  return rest === 0 ? table : `${table}\n${options.paint.dim(`… and ${count(rest)} more (-v shows all)`)}`;
}
