/** What the statuses of a run mean is said in one place. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as run from "../../src/job/run.js";

const src = fileURLToPath(new URL("../../src", import.meta.url));

/** Which of the predicates hold for a status. */
const meaning = {
  created: ["isActive", "isOpen"],
  planned: ["isActive", "isLeasable", "isOpen"],
  running: ["isActive", "isLeasable", "isOpen"],
  publishing: ["isActive"],
  published: ["hasEnded", "isFinal"],
  failed: ["hasEnded", "isResumable"],
  cancelled: ["hasEnded", "isResumable"],
  dropped: ["hasEnded", "isFinal"],
} satisfies { readonly [status in run.RunStatus]: readonly string[] };

test("every status is active, resumable or final, and has ended unless it is active", () => {
  const { hasEnded, isActive, isFinal, isLeasable, isOpen, isResumable } = run;
  const predicates = { hasEnded, isActive, isFinal, isLeasable, isOpen, isResumable };
  const found = run.runStatuses.map((status) => [
    status,
    Object.entries(predicates).flatMap(([name, holds]) => (holds({ status }) ? [name] : [])),
  ]);
  expect(Object.fromEntries(found)).toEqual(meaning);
});

test("the ledger's table takes exactly these statuses", () => {
  const made = readFileSync(join(src, "postgres/migrations/ledger.ts"), "utf8");
  const [, list = ""] =
    /status text not null default 'created' check \(status in\s+\(([^)]*)\)/.exec(made) ?? [];
  expect(list.split(", ")).toEqual(run.runStatuses.map((status) => `'${status}'`));
});

test("no other file lists statuses of runs", () => {
  const own = ["job/run.ts", join("postgres", "migrations", "ledger.ts")];
  const files = readdirSync(src, { recursive: true, encoding: "utf8" });
  const sources = files.filter((name) => name.endsWith(".ts") && !own.includes(name));
  const active = run.activeStatuses.join("|");
  const ended = "published|failed|cancelled|dropped";
  // The last two pairs: statuses of partitions and ends of ticks share words with these, never these pairs.
  const listed = new RegExp(
    `["'](?:${active})["'],\\s*["'](?:${active}|${ended})["']|'published', 'dropped'|'failed', 'cancelled'`,
  );
  const final =
    /status ([!=])== "(?:published|dropped)" (?:&&|\|\|) (?:\w+\.)?status \1== "(?:published|dropped)"/;
  const offenders = sources.filter((name) => {
    const text = readFileSync(join(src, name), "utf8");
    return listed.test(text) || final.test(text);
  });
  expect(offenders).toEqual([]);
});
