/** What was said once is not said again, by whatever process on whatever machine, and wherever it is remembered. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { noticeBook } from "../../src/ledgers/journal/notice-book.js";
import type { NoticeBook } from "../../src/ledgers/notice-book.js";
import { openPostgresBooks } from "../../src/ledgers/postgres/books.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { newUuid } from "../../src/wiring/system-clock.js";
import { migrateAt, urlOf } from "../support/postgres-ledgers.js";
import { createDatabase } from "../support/postgres-server.js";

/** Each call is another process. */
type Open = () => Promise<NoticeBook>;

const places: { readonly [place: string]: () => Promise<Open> } = {
  async journal() {
    const stateDir = mkdtempSync(join(tmpdir(), "nightshift-notices-"));
    onTestFinished(() => rmSync(stateDir, { recursive: true }));
    return async () => noticeBook({ stateDir, fileSystem: localFileSystem(), uniqueName: newUuid });
  },
  async postgres() {
    const database = await createDatabase();
    onTestFinished(() => database.drop());
    await migrateAt(database.url);
    return async () => {
      const url = urlOf(database.url);
      const books = await openPostgresBooks({ url, newId: newUuid, isAlive: () => "alive" });
      onTestFinished(() => books.close());
      return books.notices;
    };
  },
};

test.each(Object.keys(places))("a text is claimed once: %s", async (place) => {
  const open = await places[place]?.();
  if (open === undefined) throw new Error(place);
  const books = [await open(), await open(), await open()];
  const claims = await Promise.all(books.map((book) => book.claim("late flights 1")));
  expect(claims.filter((isFirst) => isFirst)).toHaveLength(1);
  expect(await (await open()).claim("late flights 1")).toBe(false);
  expect(await (await open()).claim("late flights 2")).toBe(true);
});
