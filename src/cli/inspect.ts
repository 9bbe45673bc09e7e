// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named
import type { Command } from "commander";
import type { InspectedFile } from "../host/host.js";
import type { InspectedModel } from "../runtimes/model.js";
import { localPath } from "../service/paths.js";
import { dataJson, dataText } from "./inspect/data-text.js";
import { modelJson, modelText } from "./inspect/model-text.js";
import { tableJson, tableText } from "./inspect/table-text.js";
import { type Cli, printJson } from "./shell/context.js";
import { repeated } from "./shell/options.js";

interface InspectFlags {
  readonly full?: true;
  readonly table?: string;
  readonly externalData?: readonly string[];
}

/** Decoding two gigabytes takes seconds. */
const deadlineMs = 5 * 60_000;

export interface InspectRequest {
  readonly models: readonly string[];
  readonly data: readonly string[];
  readonly full: boolean;
  readonly externalData: readonly string[];
}

export function declare(command: Command): void {
  command
    .option("--full", "decode every row group of the data, to find damage that a footer hides")
    .option("--table <name>", "a table of the database that is named instead of files: '${DATABASE_URL}'")
    .option("--external-data <file>", "a file that the model keeps tensors in; may be repeated", repeated);
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<InspectFlags>();
  if (flags.table !== undefined) return inspectTable(command.args, flags.table, cli);
  const request = parseInspect(command.args, flags, cli.cwd);
  const host = await (await cli.app()).host();
  const models: InspectedModel[] = [];
  for (const path of request.models)
    models.push(
      await host.call("inspect-model", { path, externalData: request.externalData }, { deadlineMs }),
    );
  const files: InspectedFile[] = [];
  if (request.data.length > 0)
    await host.call(
      "inspect-data",
      { from: request.data, full: request.full, tables: "tell" },
      { onItem: (file) => files.push(file) },
    );
  show(cli, request, models, files);
  return 0;
}

/** Columns as a job would see them, and the server's estimate of the rows. */
async function inspectTable(words: readonly string[], name: string, cli: Cli): Promise<number> {
  const { tableInput, tableOf } = await import("./lookup/tables.js");
  const table = tableOf(name, "input");
  const input = tableInput(words, name, [], cli);
  const { connection } = input;
  const host = await (await cli.app()).host();
  const found = await host.call("inspect-input", { input });
  if (cli.globals.json) printJson(cli.out, tableJson({ connection, table }, found));
  else cli.out.line(tableText({ connection, table }, found, cli.out));
  return 0;
}

/** A model is recognised by its file name. */
export function parseInspect(paths: readonly string[], flags: InspectFlags, cwd: string): InspectRequest {
  const absolute = paths.map((path) => localPath(path, cwd));
  const isModel = (path: string) => path.toLowerCase().endsWith(".onnx");
  return {
    models: absolute.filter(isModel),
    data: absolute.filter((path) => !isModel(path)),
    full: flags.full === true,
    externalData: (flags.externalData ?? []).map((path) => localPath(path, cwd)),
  };
}

function show(
  { out, globals, cwd, program }: Cli,
  request: InspectRequest,
  models: readonly InspectedModel[],
  files: readonly InspectedFile[],
): void {
  const schema = files[0]?.summary.schema ?? null;
  if (globals.json) {
    printJson(out, {
      ...(models.length === 0 ? {} : { models: models.map((model) => modelJson(model, schema)) }),
      ...(request.data.length === 0 ? {} : { data: dataJson(files) }),
    });
    return;
  }
  const blocks = request.models.flatMap((path, index) => {
    const model = models[index];
    return model === undefined
      ? []
      : [modelText(model, { path, data: request.data, schema, cwd, program }, out)];
  });
  if (request.data.length > 0) blocks.push(dataText(files, cwd, out));
  out.line(blocks.join("\n\n"));
}
