/** A notice that was sent is not sent again by any process on any machine, in either ledger. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { noticeStore } from "../../src/ledgers/journal/notice-store.js";
import type { NoticeStore } from "../../src/ledgers/notice-store.js";
import { openPostgresStores } from "../../src/ledgers/postgres/stores.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { newUuid } from "../../src/wiring/system-clock.js";
import { migrateAt, urlOf } from "../support/postgres-ledgers.js";
import { createDatabase } from "../support/postgres-server.js";

/** Each call is another process. */
type Open = () => Promise<NoticeStore>;

const places: { readonly [place: string]: () => Promise<Open> } = {
  async journal() {
    const stateDir = mkdtempSync(join(tmpdir(), "nightshift-notices-"));
    onTestFinished(() => rmSync(stateDir, { recursive: true }));
    return async () => noticeStore({ stateDir, fileSystem: localFileSystem(), uniqueName: newUuid });
  },
  async postgres() {
    const database = await createDatabase();
    onTestFinished(() => database.drop());
    await migrateAt(database.url);
    return async () => {
      const url = urlOf(database.url);
      const stores = await openPostgresStores({ url, newId: newUuid, isAlive: () => "alive" });
      onTestFinished(() => stores.close());
      return stores.notices;
    };
  },
};

test.each(Object.keys(places))("a text is claimed once: %s", async (place) => {
  const open = await places[place]?.();
  if (open === undefined) throw new Error(place);
  const stores = [await open(), await open(), await open()];
  const claims = await Promise.all(stores.map((store) => store.claim("late flights 1")));
  expect(claims.filter((isFirst) => isFirst)).toHaveLength(1);
  expect(await (await open()).claim("late flights 1")).toBe(false);
  expect(await (await open()).claim("late flights 2")).toBe(true);
});
