/** What `init` asks on a terminal; without one, what is missing is an error that names the option. */
import { existsSync } from "node:fs";
import { SpecError } from "../../errors.js";
import { parseTableName } from "../../job/connection.js";
import { localPath, shownPath } from "../../service/paths.js";
import { jobName } from "../lookup/model-job.js";
import { type DatabasePlace, namesDatabase, refuseBareDatabase, type Side } from "../lookup/tables.js";
import { names } from "../shell/options.js";
import type { FoundFiles } from "./found-files.js";
import type { Prompt } from "./prompt.js";
import type { SeenData } from "./seen-data.js";

export async function askModel(prompt: Prompt | null, { models }: FoundFiles, cwd: string): Promise<string> {
  if (prompt === null) throw missing("which model is the job for?", "--from model.onnx");
  return prompt.ask({
    text: "Model?",
    offered: models[0] ?? null,
    candidates: models,
    refuse: (path) => (existsSync(localPath(path, cwd)) ? null : `there is no file ${path}`),
  });
}

export async function askInput(prompt: Prompt | null, { data }: FoundFiles): Promise<readonly string[]> {
  if (prompt === null) throw missing("which data should the job score?", "--input 'data/*.parquet'");
  const answer = await prompt.ask({
    text: "Data to score? Files, globs or directories",
    offered: data[0] ?? null,
    candidates: data,
  });
  return names(answer);
}

/** The table of a database that was named without one; `undefined` where files were named. */
export async function askTable(
  prompt: Prompt | null,
  words: readonly string[],
  side: Side,
  place: DatabasePlace,
): Promise<string | undefined> {
  const database = words.find((word) => namesDatabase(word, place));
  if (database === undefined) return undefined;
  if (prompt === null) refuseBareDatabase(database, side, place);
  return prompt?.ask({
    text: side === "input" ? "Table to score?" : "Table for the predictions?",
    offered: null,
    refuse: (name) => (parseTableName(name) === null ? "write schema.table" : null),
  });
}

export async function askKey(
  prompt: Prompt | null,
  { schema, likelyKey }: SeenData,
): Promise<readonly string[]> {
  if (prompt === null) return [];
  const columns = schema.map(({ name }) => name);
  const answer = await prompt.ask({
    text: "Columns that identify a row? none: its file and row number",
    offered: likelyKey ?? "none",
    candidates: columns,
    refuse: (given) =>
      unknownColumn(given === "none" ? [] : given.split(",").map((name) => name.trim()), schema),
  });
  return answer === "none" ? [] : names(answer);
}

export async function askOut(prompt: Prompt | null, model: string): Promise<string> {
  const offered = `jobs/${jobName(model)}.yaml`;
  return prompt === null ? offered : prompt.ask({ text: "Write the job to?", offered });
}

export async function askTo(prompt: Prompt | null, name: string): Promise<string> {
  const offered = `out/${name}`;
  return prompt === null ? offered : prompt.ask({ text: "Its predictions go to?", offered });
}

export async function refuseExisting(out: string, cwd: string, prompt: Prompt | null): Promise<void> {
  if (!existsSync(out)) return;
  const shown = shownPath(out, cwd);
  if (prompt !== null) {
    const answer = await prompt.ask({
      text: `${shown} is there already. Replace it? yes or no`,
      offered: "no",
    });
    if (/^y(es)?$/i.test(answer)) return;
  }
  throw new SpecError("refused.target-exists", `${shown} is there already`, {
    hint: "Name another file with --out, or replace it with --force.",
  });
}

function missing(question: string, option: string): SpecError {
  return new SpecError("usage.missing-option", question, {
    hint: `Say it with ${option}; on a terminal, init asks.`,
  });
}

export function unknownColumn(columns: readonly string[], schema: SeenData["schema"]): string | null {
  const unknown = columns.find((name) => !schema.some((column) => column.name === name));
  return unknown === undefined ? null : `the data has no column "${unknown}"`;
}
