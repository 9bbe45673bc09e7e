import { access, readdir, readFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { expect, it } from "vitest";
import { freshDirectory, runOf, sinkFor, stageRun, type Target } from "../support/file-target.js";

const filesEach = 4;
const publications = 25;

/** Publication n has the ids n * 100, n * 100 + 1, … in four files. */
function partitionsOf(publication: number) {
  return Array.from({ length: filesEach }, (_, index) => ({ ids: [publication * 100 + index] }));
}

async function idsOf(path: string): Promise<readonly number[]> {
  return [...(tableFromIPC(await readFile(path)).getChild("id") ?? [])].map(Number);
}

/** Resolves the output once, then lists what is there. */
async function globbing({ to }: Target): Promise<readonly string[]> {
  const root = await realpath(to);
  return (await readdir(root)).filter((name) => name.endsWith(".arrow")).map((name) => join(root, name));
}

/** Resolves the output once, then believes its manifest. */
async function following({ to }: Target): Promise<readonly string[]> {
  const root = await realpath(to);
  const manifest = JSON.parse(await readFile(join(root, "_manifest.json"), "utf8")) as {
    files: { path: string }[];
  };
  return manifest.files.map(({ path }) => join(root, path));
}

/** What `nightshift files` prints. */
async function asking(target: Target): Promise<readonly string[]> {
  return (await sinkFor(target, "replace").files()).map((file) => file.path);
}

interface Tally {
  whole: number;
  readonly publications: Set<number>;
  /** Readings that took so long that their version was not kept any more. */
  overtaken: number;
}

async function poll(
  find: (target: Target) => Promise<readonly string[]>,
  target: Target,
  isOver: () => boolean,
): Promise<Tally> {
  const tally: Tally = { whole: 0, publications: new Set(), overtaken: 0 };
  while (!isOver()) {
    const files = await find(target);
    const rows = await Promise.all(files.map(idsOf)).catch(async (error: unknown) => {
      const kept = await access(dirname(files[0] ?? "")).then(
        () => true,
        () => false,
      );
      if (kept) throw error;
      return null;
    });
    if (rows === null) {
      tally.overtaken++;
      continue;
    }
    const publication = Math.floor((rows[0]?.[0] ?? Number.NaN) / 100);
    expect(rows).toEqual(partitionsOf(publication).map(({ ids }) => ids));
    tally.whole++;
    tally.publications.add(publication);
  }
  return tally;
}

it("readers that resolve the output once see one whole publication, however often it is swapped", async () => {
  const target: Target = { to: join(freshDirectory(), "out") };
  const publish = async (publication: number) => {
    const run = runOf(`r${publication}`);
    const receipts = await stageRun(target, run, partitionsOf(publication));
    await sinkFor(target, "replace").publish(run, "f".repeat(64), receipts);
  };
  await publish(0);
  let over = false;
  const readers = [globbing, following, asking].map((find) => poll(find, target, () => over));
  try {
    for (let publication = 1; publication < publications; publication++) await publish(publication);
  } finally {
    over = true;
  }
  for (const [index, tally] of (await Promise.all(readers)).entries()) {
    console.log(
      `reader ${index}: ${tally.whole} readings of ${tally.publications.size} publications, all whole; ${tally.overtaken} overtaken`,
    );
    expect(tally.publications.size).toBeGreaterThan(2);
  }
});
