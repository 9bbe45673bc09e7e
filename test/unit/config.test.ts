import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  cpuQuota,
  findProjectRoot,
  readSettings,
  readTerminalSettings,
  thisMachine,
} from "../../src/config.js";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "nightshift-config-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const machine = { cores: 8, memoryBytes: 16_000 };

describe("the ledger", () => {
  const url = "postgres://me:secret@db/ledger";
  const ledgerOf = (environment: { readonly [name: string]: string }, ledger?: string) =>
    readSettings({ cwd: root, environment, machine, ...(ledger === undefined ? {} : { ledger }) }).ledger;

  it("is --ledger, else NIGHTSHIFT_LEDGER, else the journal", () => {
    expect(ledgerOf({})).toBeNull();
    expect(ledgerOf({ NIGHTSHIFT_LEDGER: "" })).toBeNull();
    expect(ledgerOf({ NIGHTSHIFT_LEDGER: url })).toBe(url);
    expect(ledgerOf({ NIGHTSHIFT_LEDGER: "postgres://other/db" }, url)).toBe(url);
    expect(ledgerOf({ NIGHTSHIFT_LEDGER: url }, "journal")).toBeNull();
  });

  it("is refused when it is neither, without being repeated", () => {
    expect(() => ledgerOf({}, "mysql://me:secret@db/ledger")).toThrow(
      expect.objectContaining({ code: "usage.ledger", message: expect.not.stringContaining("secret") }),
    );
  });
});

describe("the state directory", () => {
  it("is --state, else NIGHTSHIFT_STATE, relative to the current directory", () => {
    const environment = { NIGHTSHIFT_STATE: "from-env" };
    expect(readSettings({ cwd: root, environment, machine }).stateDir).toBe(join(root, "from-env"));
    expect(readSettings({ cwd: root, environment, machine, stateDir: "given" }).stateDir).toBe(
      join(root, "given"),
    );
  });

  it.each(["nightshift.yaml", "jobs"])("else lies in the nearest parent with %s", (marker) => {
    const deep = join(root, "project", "a", "b");
    mkdirSync(deep, { recursive: true });
    if (marker === "jobs") mkdirSync(join(root, "project", marker));
    else writeFileSync(join(root, "project", marker), "");
    expect(findProjectRoot(deep)).toBe(join(root, "project"));
    expect(readSettings({ cwd: deep, environment: {}, machine }).stateDir).toBe(
      join(root, "project", ".nightshift"),
    );
  });

  it("else lies in the current directory, also where the variable is empty", () => {
    expect(findProjectRoot(root)).toBeNull();
    const settings = readSettings({ cwd: root, environment: { NIGHTSHIFT_STATE: "" }, machine });
    expect(settings.stateDir).toBe(join(root, ".nightshift"));
  });
});

describe("settings", () => {
  it("take cores and memory from the machine, and threads at most as many as cores", () => {
    const settings = (environment: object) =>
      readSettings({ cwd: root, environment: { ...environment }, machine });
    expect(settings({})).toMatchObject({ cores: 8, memoryBytes: 8_000, outputRoot: null });
    expect(settings({ NIGHTSHIFT_THREADS: "3" }).cores).toBe(3);
    expect(settings({ NIGHTSHIFT_THREADS: "300" }).cores).toBe(8);
    expect(settings({ NIGHTSHIFT_OUTPUT_ROOT: "out" }).outputRoot).toBe(join(root, "out"));
  });

  it.each(["0", "-1", "two", "1.5", "1e3"])("refuse NIGHTSHIFT_THREADS=%s", (text) => {
    expect(() => readSettings({ cwd: root, environment: { NIGHTSHIFT_THREADS: text }, machine })).toThrow(
      expect.objectContaining({ code: "usage.environment", message: expect.stringContaining(text) }),
    );
  });

  it("take no more memory than the setting says, and leave some of it to others", () => {
    const settings = (NIGHTSHIFT_MEMORY: string) =>
      readSettings({ cwd: root, environment: { NIGHTSHIFT_MEMORY }, machine });
    expect(settings("")).toMatchObject({ memoryBytes: 8_000, hostBytes: 14_400 });
    expect(settings("10kB")).toMatchObject({ memoryBytes: 5_000, hostBytes: 9_000 });
    expect(settings("1GB")).toMatchObject({ memoryBytes: 8_000 });
    expect(() => settings("much")).toThrow("NIGHTSHIFT_MEMORY is `much`, not a size");
  });

  it("see this machine", () => {
    const { cores, memoryBytes } = thisMachine();
    expect(cores).toBeGreaterThanOrEqual(1);
    expect(cores).toBeLessThanOrEqual(availableParallelism());
    expect(memoryBytes).toBeGreaterThan(1024 * 1024);
    expect(memoryBytes).toBeLessThanOrEqual(totalmem());
  });

  it.each([
    ["max 100000", null],
    ["200000 100000\n", 2],
    ["250000 100000\n", 2],
    ["50000 100000\n", 1],
    ["", null],
    [null, null],
  ])("read a processor quota of %j as %j", (text, cores) => {
    expect(cpuQuota(text)).toBe(cores);
  });
});

describe("the terminal", () => {
  it.each([
    [{}, "auto", true],
    [{ NO_COLOR: "1" }, "never", true],
    [{ NO_COLOR: "" }, "auto", true],
    [{ TERM: "dumb" }, "never", false],
    [{ CI: "true" }, "never", false],
    [{ CI: "true", FORCE_COLOR: "1" }, "always", false],
    [{ FORCE_COLOR: "0" }, "never", true],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, "never", true],
  ])("with %j has colour %s and animation %s", (environment, color, animation) => {
    expect(readTerminalSettings(environment)).toEqual({ color, animation, columns: null });
  });
});
