/** The Big List of Naughty Strings as names: what fits into PostgreSQL's 63 bytes. See its LICENSE for whose it is. */
import { readFileSync } from "node:fs";

export const naughtyNames: readonly string[] = JSON.parse(
  readFileSync(new URL("naughty-strings/names.json", import.meta.url), "utf8"),
);
