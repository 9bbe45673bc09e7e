import { expect, test } from "vitest";
import { placeWords, programName } from "../../src/cli/output/command-line.js";
import { shellLine } from "../../src/text/shell-line.js";

test("a suggested command begins as this one was started", () => {
  expect(programName("/usr/bin/nightshift", {})).toBe("nightshift");
  expect(programName("/srv/node_modules/.bin/nightshift", { npm_command: "exec" })).toBe("npx nightshift");
  expect(programName("dist/bundle/cli.js", {})).toBe("node dist/bundle/cli.js");
});

test("it finds the same runs, and shows no password", () => {
  expect(shellLine(...placeWords("my runs", undefined))).toBe("--state 'my runs'");
  expect(placeWords(undefined, "postgres://db/night")).toEqual(["--ledger", "postgres://db/night"]);
  expect(placeWords(undefined, "postgres://me:secret@db/night")).toEqual([]);
  expect(placeWords(undefined, undefined)).toEqual([]);
});
