import { dirname } from "node:path";
import type { ErrorReport, QuarantinedRow, ReasonGroup } from "../../service/error-report.js";
import { shownPath } from "../../service/paths.js";
import { count, counted } from "../../text/human.js";
import { wrapLines } from "./fit.js";
import { inColourOf } from "./run-text.js";
import { renderPairs, renderTable, type TableOptions } from "./table.js";

const partitionsNamed = 6;

export function reportText(report: ErrorReport, cwd: string, options: TableOptions): string {
  const { state, reasons, failures } = report;
  const blocks = [wrapLines(headline(report, options), options.width)];
  if (reasons.length > 0) blocks.push(reasonTable(reasons, options));
  const samples = reasons.flatMap((group) => group.samples);
  if (samples.length > 0) blocks.push(sampleTable(samples, cwd, options));
  if (failures.length > 0) blocks.push(failureTable(report, options));
  if (state.error !== null)
    blocks.push(
      renderPairs(
        [
          ["run failed", options.paint.red(state.error.message)],
          ...(state.error.hint === undefined ? [] : [["try", state.error.hint] as const]),
        ],
        options.paint,
        options.width,
      ),
    );
  const [quarantined] = report.quarantineFiles;
  if (quarantined !== undefined)
    blocks.push(options.paint.dim(`all quarantined rows: ${shownPath(dirname(quarantined), cwd)}/`));
  if (report.quarantineTable !== null)
    blocks.push(options.paint.dim(`all quarantined rows: ${report.quarantineTable} of ${state.run.target}`));
  return blocks.join("\n\n");
}

function headline({ state, reasons, failures }: ErrorReport, { paint }: TableOptions): string {
  const bad = reasons.reduce((sum, group) => sum + group.rows, 0);
  const parts = [
    bad > 0 ? `${count(bad)} of ${counted(state.accepted.rows.read, "row")} went wrong` : null,
    failures.length > 0 ? `${counted(failures.length, "partition")} with errors` : null,
  ].filter((part) => part !== null);
  const sum = parts.length === 0 ? "no errors" : parts.join(", ");
  const { jobName, interval, id } = state.run;
  return `${paint.bold(jobName)}${interval === null ? "" : ` for ${interval.ds}`}, run ${id} (${inColourOf(state.status, state.status, paint)}): ${sum}`;
}

function reasonTable(groups: readonly ReasonGroup[], options: TableOptions): string {
  return renderTable(
    [
      { title: "reason", style: options.paint.yellow },
      { title: "rows", align: "right" },
      { title: "in partitions" },
    ],
    groups.map(({ reason, rows, partitions }) => [reason, count(rows), places(partitions)]),
    options,
  );
}

/** `3 (8 rows), 5 (2 rows)`, the worst first. */
function places(partitions: ReasonGroup["partitions"]): string {
  const worst = [...partitions].sort((a, b) => b.rows - a.rows || a.partition - b.partition);
  const named = worst.slice(0, partitionsNamed).map(({ partition, rows }) => `${partition} (${count(rows)})`);
  const rest = worst.length - named.length;
  return rest === 0 ? named.join(", ") : `${named.join(", ")} and ${count(rest)} more`;
}

function sampleTable(rows: readonly QuarantinedRow[], cwd: string, options: TableOptions): string {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row.key)))];
  return renderTable(
    [
      { title: "reason", style: options.paint.yellow },
      ...keys.map((title) => ({ title })),
      { title: "file" },
      { title: "row", align: "right" },
      { title: "what" },
    ],
    rows.map((row) => [
      row.reason,
      ...keys.map((key) => String(row.key[key] ?? "null")),
      shownPath(row.file, cwd),
      typeof row.row === "number" ? count(row.row) : String(row.row ?? ""),
      row.message,
    ]),
    options,
  );
}

function failureTable({ failures }: ErrorReport, options: TableOptions): string {
  return renderTable(
    [
      { title: "partition", align: "right" },
      { title: "status", style: options.paint.red },
      { title: "attempts", align: "right" },
      { title: "last error" },
    ],
    failures.map(({ partition, status, attempts, error }) => [
      String(partition),
      status,
      String(attempts),
      `${error.code}: ${error.message}`,
    ]),
    options,
  );
}
