import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { DiskModel, type Fault, type Operation } from "../support/disk-model.js";
import {
  aftermaths,
  assertDurable,
  assertDurableAfterKill,
  assertSurvives,
  killPoints,
  type Recording,
  record,
} from "../support/power-cuts.js";
import { flows } from "../support/publishing-flows.js";

/** Between them they pass every line that syncs. */
const needed = ["mode error", "mode replace by partition", "one file, first", "rollback", "abort"];

/** A line that syncs, and what it syncs there: one line in a loop is several promises. */
function promiseOf(operation: Operation): string | null {
  if (operation.op !== "syncDirectory") return null;
  const path = operation.path
    .replace(/\.building-.*?(?=\/|$)/, "<building>")
    .replace(/r\d-attempt-\d/, "<attempt>")
    .replace(/joined-\w+/, "<joined>")
    .replace(/(?<=\/)r\d(?=\/|$)/, "<run>")
    .replace(/\.arrow/, "")
    .replace(/dt=.*/, "dt=…");
  return `${operation.site} ${path === "" ? "/" : path}`;
}

type Check = () => Promise<void>;

/** What `file-sink-power-cut` checks, cheapest first. */
function checks(recording: Recording, parent: string, fault: Fault): readonly (() => readonly Check[])[] {
  const model = () => DiskModel.after(recording.operations, fault);
  return [
    () => [() => assertDurable(recording.flow, parent, model())],
    () => aftermaths(recording, fault).map((state) => () => assertSurvives(recording, parent, state)),
    () => killPoints(recording).map((count) => () => assertDurableAfterKill(recording, parent, count, fault)),
  ];
}

async function whoFinds(
  fault: Fault,
  recordings: readonly Recording[],
  parent: string,
): Promise<string | null> {
  for (const stage of [0, 1, 2]) {
    for (const recording of recordings) {
      for (const check of checks(recording, parent, fault)[stage]?.() ?? []) {
        const violation = await check().then(
          () => null,
          (error: unknown) => String(error instanceof Error ? error.message : error).split("\n")[0] ?? "",
        );
        if (violation !== null) return `${recording.flow.name}: ${violation}`;
      }
    }
  }
  return null;
}

const parent = mkdtempSync(join(tmpdir(), "nightshift-fsync-"));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

const recordings: Recording[] = [];
for (const flow of flows) {
  if (needed.includes(flow.name)) recordings.push(await record(flow, mkdtempSync(join(parent, "recorded-"))));
}

const operations = recordings.flatMap((recording) => recording.operations);
const promises = new Set(operations.map(promiseOf).filter((promise) => promise !== null));
const faults: readonly (readonly [string, Fault])[] = [
  ...[...promises].map((promise): [string, Fault] => [promise, (one) => promiseOf(one) === promise]),
  ["contents of files written whole", (operation) => operation.op === "write"],
  ["contents of appended files", (operation) => operation.op === "sync"],
];

it("passes every line that syncs a directory", () => {
  const folder = new URL("../../src/sinks/files/", import.meta.url);
  const lines = readdirSync(folder).flatMap((name) =>
    readFileSync(new URL(name, folder), "utf8")
      .split("\n")
      .flatMap((line, index) => (line.includes(".syncDirectory(") ? [`${name}:${index + 1}`] : [])),
  );
  expect([...new Set([...promises].map((promise) => promise.split(" ")[0]))].sort()).toEqual(lines.sort());
});

it.each(faults)("a forgotten fsync is found: %s", async (name, fault) => {
  const found = await whoFinds(fault, recordings, parent);
  console.log(`without ${name}: ${found}`);
  expect(found).not.toBeNull();
});
