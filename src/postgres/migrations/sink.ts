/** The sink's tables. */
import type { Migration } from "./migration.js";

export const sinkMigrations: readonly Migration[] = [];
