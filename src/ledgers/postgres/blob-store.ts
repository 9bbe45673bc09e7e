/**
 * Stores small assets in the ledger's database by digest, because workers can reach the database anyway.
 * Blocks are written in the transaction that links the asset to the run that needs it, so an asset is never
 * partially stored. Removal of unused assets locks them first; linking an asset locks it too, by its foreign
 * key.
 */
import type { CollectedBlobStore, ReadAsset, StoredBlob } from "../../assets/blob-store.js";
import type { Asset } from "../../job/plan.js";
import { finalStatuses } from "../../job/run.js";
import type { LedgerDatabase, Query } from "./ledger-database.js";
import { statusesSql } from "./run-rows.js";

// Waits for a concurrent insert of the same asset.
const putSql = `
  insert into nightshift.ledger_assets (sha256, bytes) values ($1, $2) on conflict do nothing returning sha256`;
// Prevents its removal until the transaction ends. If it has just been removed, it is inserted again.
const holdSql = "select 1 from nightshift.ledger_assets where sha256 = $1 for key share";
const blockSql = "insert into nightshift.ledger_asset_blocks (sha256, block, body) values ($1, $2, $3)";
const nameSql =
  "insert into nightshift.ledger_run_assets (run_id, sha256) values ($1, $2) on conflict do nothing";
const namedSql = "select 1 from nightshift.ledger_run_assets where run_id = $1 and sha256 = $2";

const isNeededSql = `exists (
  select 1 from nightshift.ledger_run_assets n join nightshift.ledger_run_states s using (run_id)
  where n.sha256 = a.sha256 and s.status not in ${statusesSql(finalStatuses)})`;
const spentSql = `select a.sha256, a.bytes::float8 as bytes from nightshift.ledger_assets a where not ${isNeededSql}`;
const lockSpentSql = `${spentSql} for update of a skip locked`;
// A separate statement, so that it sees runs that were linked to an asset since.
const spentStillSql = `${spentSql} and a.sha256 = any ($1)`;
const forgetSql = "delete from nightshift.ledger_run_assets where sha256 = any ($1)";
const removeSql = "delete from nightshift.ledger_assets where sha256 = any ($1)";

export function blobStore({ place, read, transaction }: LedgerDatabase): CollectedBlobStore {
  const isNamed = async (query: Query, runId: string, { sha256 }: Asset): Promise<boolean> =>
    (await query(namedSql, [runId, sha256])).length > 0;

  return {
    place,

    async put(runId, asset, readAsset) {
      if (await isNamed(read, runId, asset)) return;
      await transaction(
        async (query) => {
          let isThere = false;
          while (!isThere) {
            const isOurs = (await query(putSql, [asset.sha256, asset.size])).length > 0;
            if (isOurs) await writeBlocks(query, asset, readAsset);
            isThere = isOurs || (await query(holdSql, [asset.sha256])).length > 0;
          }
          await query(nameSql, [runId, asset.sha256]);
        },
        async (query) => ((await isNamed(query, runId, asset)) ? undefined : null),
      );
    },

    async get({ sha256 }) {
      const [found] = await read("select 1 from nightshift.ledger_assets where sha256 = $1", [sha256]);
      return found === undefined ? null : blocksOf(read, sha256);
    },

    removal: ({ sha256 }) =>
      ["ledger_run_assets", "ledger_assets"]
        .map((table) => `delete from nightshift.${table} where sha256 = '${sha256}'`)
        .join("; "),

    async collect(dryRun) {
      if (dryRun) return inOrder(await read<StoredBlob>(spentSql));
      return transaction(
        async (query) => {
          const locked = (await query<StoredBlob>(lockSpentSql)).map(({ sha256 }) => sha256);
          const spent = await query<StoredBlob>(spentStillSql, [locked]);
          const digests = spent.map(({ sha256 }) => sha256);
          await query(forgetSql, [digests]);
          await query(removeSql, [digests]);
          return inOrder(spent);
        },
        // Nothing to read back: a removed asset is not found by a second call.
        async () => null,
      );
    },
  };
}

function inOrder(assets: readonly StoredBlob[]): readonly StoredBlob[] {
  return [...assets].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
}

async function writeBlocks(query: Query, asset: Asset, readAsset: ReadAsset): Promise<void> {
  let block = 0;
  for await (const body of readAsset(asset)) {
    await query(blockSql, [asset.sha256, block, Buffer.from(body.buffer, body.byteOffset, body.byteLength)]);
    block += 1;
  }
}

async function* blocksOf(read: Query, sha256: string): AsyncGenerator<Uint8Array> {
  for (let block = 0; ; block++) {
    const [row] = await read<{ body: Uint8Array }>(
      "select body from nightshift.ledger_asset_blocks where sha256 = $1 and block = $2",
      [sha256, block],
    );
    if (row === undefined) return;
    yield row.body;
  }
}
