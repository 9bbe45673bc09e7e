/** What every command is given: where it runs, what it prints to, and what the service needs. */
import type { Command } from "commander";
import type { ServiceContext } from "../../service/context.js";
import type { Paint } from "../output/paint.js";
import type { Screen } from "../output/screen.js";

export type ProgressWish = "auto" | "bar" | "plain" | "json" | "none";

/** Options that every command takes. */
export interface GlobalFlags {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly progress: ProgressWish;
  readonly state: string | null;
}

export interface Printer {
  readonly paint: Paint;
  /** Cells of the terminal; `null` for files and pipes, where nothing is cut. */
  readonly width: number | null;
  readonly isTerminal: boolean;
  line(text: string): void;
  /** For what brings its own line ends. */
  write(text: string): void;
}

/** What every command is given: the context of the service, and the terminal. */
export interface Cli extends ServiceContext {
  /** What to type to start this program again for the same runs: `npx nightshift`, `nightshift --state runs`. */
  readonly program: string;
  readonly globals: GlobalFlags;
  /** stdout: data. */
  readonly out: Printer;
  /** stderr: people. Goes above the progress bar while there is one. */
  readonly err: Printer;
  readonly screen: Screen;
  /** stderr is a terminal where lines may be redrawn. */
  readonly canAnimate: boolean;
  /** The whole program, every command with its options. */
  allCommands(): Promise<Command>;
  /** The same command line with runs recorded elsewhere, in a journal. */
  withState(stateDir: string): Cli;
  /**
   * Enables graceful shutdown: from now on the first SIGINT or SIGTERM fires the signal, and the second ends the process.
   * Without this call the first one ends it.
   *
   * @param how what the process does until it stops; by default `finishing the current chunk`
   */
  stopGracefully(how?: string): AbortSignal;
  /** From now on notes on stderr are lines of a log. Called by processes that run until they are stopped. */
  logging(): void;
  isLogging(): boolean;
  /** How the process was asked to stop; `null` when it wasn't. */
  interruptedBy(): "SIGINT" | "SIGTERM" | null;
}

/** One JSON document on stdout. */
export function printJson(out: Printer, value: unknown): void {
  out.line(JSON.stringify(value, null, out.isTerminal ? 2 : undefined));
}
