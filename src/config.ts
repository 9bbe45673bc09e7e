/** Environment -> typed settings, read once, here only. */
import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { SpecError } from "./errors.js";
import { isConnectionUrl } from "./job/connection.js";
import { parseBytes } from "./text/human.js";
import { schemeOf } from "./text/path-scheme.js";
import { type ProjectSearch, projectOfJobs, searchProject } from "./wiring/project-search.js";

export interface Settings {
  /** Absolute; where the journal lives. */
  readonly stateDir: string;
  /** URL of the database that keeps the ledger, with its secrets; `null`: the journal in the state directory. */
  readonly ledger: string | null;
  /** URL of the queue that partitions go to, with its secrets; `null`: they are done in this process. */
  readonly queue: string | null;
  /** A directory that coordinators and workers share, for assets too large for a ledger; `null`: there is none. */
  readonly assetDir: string | null;
  /** That `serve` asks for over HTTP; `null`: none. */
  readonly apiToken: string | null;
  /** URL of a Pushgateway for metrics of one-off runs, with its secrets; `null`: none. */
  readonly metricsPush: string | null;
  /** Outputs outside it are refused; `null`: anywhere. */
  readonly outputRoot: string | null;
  /** Whether hooks of jobs may run in this process' hosts. */
  readonly hooks: boolean;
  /** Cores this process may use. */
  readonly cores: number;
  /** Memory that decoding may take over all threads. */
  readonly memoryBytes: number;
  /** Memory that a worker host may hold altogether; past it, it is stopped. */
  readonly hostBytes: number;
  /** For `${VAR}` in specs. */
  readonly environment: Environment;
}

/** What the environment says about showing things. Whether a stream is a terminal is for its owner to see. */
export interface TerminalSettings {
  readonly color: "never" | "auto" | "always";
  /** Progress may redraw lines. */
  readonly animation: boolean;
  /** COLUMNS; `null` where it says nothing. */
  readonly columns: number | null;
}

export interface Environment {
  readonly [name: string]: string | undefined;
}

/** What the machine, or the container around the process, grants. */
export interface Machine {
  readonly cores: number;
  readonly memoryBytes: number;
}

export interface SettingsOptions {
  /** `--state`, relative to `cwd`. */
  readonly stateDir?: string;
  /** `--ledger`. */
  readonly ledger?: string;
  /** `--queue`. */
  readonly queue?: string;
  readonly cwd: string;
  readonly environment: Environment;
  readonly machine?: Machine;
}

/** The other half is for models, writers and Node itself. */
const decodingShare = 0.5;
/** The rest is for the coordinator and for other programs on the machine. */
const hostShare = 0.9;

/** @throws SpecError `usage.environment`, `usage.ledger`, `usage.queue` */
export function readSettings(options: SettingsOptions): Settings {
  const { cwd, environment } = options;
  const machine = options.machine ?? thisMachine();
  const memory = Math.min(machine.memoryBytes, memoryOf(environment) ?? machine.memoryBytes);
  const stateDir = options.stateDir ?? present(environment.NIGHTSHIFT_STATE);
  const outputRoot = present(environment.NIGHTSHIFT_OUTPUT_ROOT);
  const assetDir = present(environment.NIGHTSHIFT_ASSETS);
  return {
    stateDir:
      stateDir === undefined
        ? join(findProjectRoot(cwd) ?? cwd, ".nightshift")
        : folderOf("--state or NIGHTSHIFT_STATE", stateDir, cwd),
    ledger: ledgerOf(options.ledger ?? present(environment.NIGHTSHIFT_LEDGER)),
    queue: queueOf(options.queue ?? present(environment.NIGHTSHIFT_QUEUE)),
    assetDir: assetDir === undefined ? null : folderOf("NIGHTSHIFT_ASSETS", assetDir, cwd),
    apiToken: present(environment.NIGHTSHIFT_API_TOKEN) ?? null,
    metricsPush: present(environment.NIGHTSHIFT_METRICS_PUSH) ?? null,
    outputRoot: outputRoot === undefined ? null : folderOf("NIGHTSHIFT_OUTPUT_ROOT", outputRoot, cwd),
    hooks: hooksOf(environment),
    cores: Math.min(machine.cores, threadsOf(environment) ?? machine.cores),
    memoryBytes: Math.floor(memory * decodingShare),
    hostBytes: Math.floor(memory * hostShare),
    environment,
  };
}

export function settingsFromProcess(
  options: Pick<SettingsOptions, "stateDir" | "ledger" | "queue"> = {},
): Settings {
  return readSettings({ ...options, cwd: process.cwd(), environment: process.env });
}

/**
 * The environment of a process that loads ONNX Runtime: this one's, without the telemetry of the library. The library
 * reads the variable while it loads, so it has to be there when the process starts.
 */
export function engineEnvironment(): Environment {
  return { ...process.env, ORT_DISABLE_TELEMETRY: "1" };
}

/** Variables that only coordinators and services use. They may hold secrets, and hosts run functions of jobs. */
const notForHosts = [
  "NIGHTSHIFT_API_TOKEN",
  "NIGHTSHIFT_LEDGER",
  "NIGHTSHIFT_METRICS_PUSH",
  "NIGHTSHIFT_QUEUE",
] as const;

/** The environment of a worker host. It keeps what URLs of databases are made from. */
export function hostEnvironment({ hooks }: Pick<Settings, "hooks">): Environment {
  const own = Object.fromEntries(notForHosts.map((name) => [name, undefined]));
  return { ...engineEnvironment(), ...own, NIGHTSHIFT_HOOKS: hooks ? "on" : "off" };
}

/**
 * Whether an operator's list allows a value: names or hosts, separated by commas, `*` for any characters. Without a list
 * everything is allowed.
 */
export function isAllowed(
  environment: Environment,
  list: "NIGHTSHIFT_ENV_ALLOW" | "NIGHTSHIFT_HOSTS",
  value: string,
): boolean {
  const text = present(environment[list]);
  if (text === undefined) return true;
  return text.split(",").some((pattern) => {
    const parts = pattern.trim().split("*");
    const escaped = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${escaped.join("[^,]*")}$`, "i").test(value);
  });
}

/** Removes variables from the environment of this process, or of this thread, which has a copy of its own. */
export function forgetVariables(isForgotten: (name: string, value: string) => boolean): void {
  for (const [name, value] of Object.entries(process.env))
    if (isForgotten(name, value ?? "")) delete process.env[name];
}

export function environmentOfProcess(): Environment {
  return process.env;
}

/** Sets a variable of this process, for the hosts that it starts from then on. */
export function setVariable(name: string, value: string): void {
  process.env[name] = value;
}

/** NO_COLOR wins over FORCE_COLOR; a dumb terminal and a CI log get neither colours nor animation. */
export function readTerminalSettings(environment: Environment): TerminalSettings {
  const plain = environment.TERM === "dumb" || isSet(environment.CI);
  const columns = /^[1-9]\d{1,3}$/.test(environment.COLUMNS ?? "") ? Number(environment.COLUMNS) : null;
  const others = { animation: !plain, columns };
  if (isSet(environment.NO_COLOR)) return { color: "never", ...others };
  const force = present(environment.FORCE_COLOR);
  if (force !== undefined) return { color: force === "0" ? "never" : "always", ...others };
  return { color: plain ? "never" : "auto", ...others };
}

export function terminalFromProcess(): TerminalSettings {
  return readTerminalSettings(process.env);
}

/** The directory of the project that is used here; see {@link findProject}. */
export function findProjectRoot(cwd: string): string | null {
  return findProject(cwd).root;
}

/** The project that NIGHTSHIFT_PROJECT names, without any condition, else the one that {@link searchProject} finds. */
export function findProject(cwd: string): ProjectSearch {
  const given = present(process.env.NIGHTSHIFT_PROJECT);
  return given === undefined ? searchProject(cwd) : { root: resolve(given), skipped: null };
}

/** The project of a spec: around it; else the one whose `jobs` it lies in, which was found or named with it. */
export function projectOfSpec(specDir: string): string | null {
  return findProjectRoot(specDir) ?? projectOfJobs(specDir);
}

/** How to use a project in a parent folder that was not used. */
export function skippedHint(skipped: ProjectSearch["skipped"]): string | undefined {
  if (skipped === null) return undefined;
  return `the project ${skipped.path} is not used, because ${skipped.why}: to use it, set NIGHTSHIFT_PROJECT=${skipped.path}`;
}

/** Absolute. @throws SpecError `usage.environment` for an address, which is not repeated: it may hold a password */
function folderOf(name: string, text: string, cwd: string): string {
  const isReference = text.includes("${");
  if (schemeOf(text) === null && !isReference) return resolve(cwd, text);
  throw new SpecError(
    "usage.environment",
    isReference
      ? `${name} holds a variable that is not expanded`
      : `${name} is an address with ${schemeOf(text)}:/, not a folder`,
    {
      hint: isReference
        ? "let the shell expand it: write it in double quotes"
        : "give the path of a local folder",
    },
  );
}

/** @throws SpecError `usage.ledger`; what was given is not repeated, since it may hold a password */
function ledgerOf(given = "journal"): string | null {
  if (given === "journal") return null;
  if (isConnectionUrl(given)) return given;
  throw new SpecError("usage.ledger", "the ledger is neither `journal` nor the URL of a database", {
    hint: "give --ledger or NIGHTSHIFT_LEDGER as `postgres://user:password@host:5432/database`, or `journal`",
  });
}

/** @throws SpecError `usage.queue`; what was given is not repeated, since it may hold a password */
function queueOf(given: string | undefined): string | null {
  if (given === undefined) return null;
  if (isConnectionUrl(given) || /^rediss?:\/\//i.test(given)) return given;
  throw new SpecError("usage.queue", "the queue is neither the URL of a Redis nor that of a database", {
    hint: "give --queue or NIGHTSHIFT_QUEUE as `redis://host:6379/0` or `postgres://user:password@host:5432/database`",
  });
}

function hooksOf(environment: Environment): boolean {
  const text = present(environment.NIGHTSHIFT_HOOKS) ?? "on";
  if (text === "on" || text === "off") return text === "on";
  throw new SpecError("usage.environment", `NIGHTSHIFT_HOOKS is \`${text}\`, neither \`on\` nor \`off\``, {
    hint: "set it to off where no function of a job may run, or unset it",
  });
}

function threadsOf(environment: Environment): number | undefined {
  const text = present(environment.NIGHTSHIFT_THREADS);
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new SpecError("usage.environment", `NIGHTSHIFT_THREADS is \`${text}\`, not a number of threads`, {
    hint: "set it to a whole number from 1, or unset it to use every core",
  });
}

function memoryOf(environment: Environment): number | undefined {
  const text = present(environment.NIGHTSHIFT_MEMORY);
  if (text === undefined) return undefined;
  const size = parseBytes(text);
  if (size !== null) return size;
  throw new SpecError("usage.environment", `NIGHTSHIFT_MEMORY is \`${text}\`, not a size`, {
    hint: "set it to a size such as 4GiB, or unset it to use what the machine has",
  });
}

/** The machine as this process may use it: affinity masks and control groups count. */
export function thisMachine(): Machine {
  const limit = process.constrainedMemory?.() ?? 0;
  const memory = totalmem();
  return {
    cores: Math.max(1, Math.min(availableParallelism(), cpuQuota(readCgroupCpu()) ?? Infinity)),
    // Without a limit it is 0, or a number near 2^64.
    memoryBytes: limit > 0 ? Math.min(limit, memory) : memory,
  };
}

/** Whole cores of `cpu.max` (`"150000 100000"`, in microseconds a period), or `null` where there is no quota. */
export function cpuQuota(cpuMax: string | null): number | null {
  const [quota, period] = (cpuMax ?? "max").trim().split(/\s+/).map(Number);
  if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return null;
  return Math.max(1, Math.floor(quota / period));
}

function readCgroupCpu(): string | null {
  try {
    return readFileSync("/sys/fs/cgroup/cpu.max", "utf8");
  } catch {
    return null;
  }
}

/** As no-color.org has it: set and not empty. */
function isSet(value: string | undefined): boolean {
  return present(value) !== undefined;
}

function present(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
