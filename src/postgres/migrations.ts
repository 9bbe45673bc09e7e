/** All migration steps of the schema `nightshift`, in order. */
import { ledgerMigrations } from "./migrations/ledger.js";
import type { Migration } from "./migrations/migration.js";
import { scheduleMigrations } from "./migrations/schedules.js";
import { sinkMigrations } from "./migrations/sink.js";

export const migrations: readonly Migration[] = [
  ...ledgerMigrations,
  ...scheduleMigrations,
  ...sinkMigrations,
].toSorted((a, b) => a.version - b.version);
