/** What every command is handed: where it runs, how it talks, and the parts of the system it may open. */
import type { Command } from "commander";
import type { App } from "../../app.js";
import type { Settings } from "../../config.js";
import type { Secrets } from "../../spec/secrets.js";
import type { Clock } from "../../time/clock.js";
import type { Note } from "../output/note.js";
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
  readonly target: string | null;
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

export interface Cli {
  readonly cwd: string;
  /** What to type to start this program again for the same runs: `npx nightshift`, `nightshift --state runs`. */
  readonly program: string;
  readonly globals: GlobalFlags;
  readonly settings: Settings;
  readonly clock: Clock;
  /** stdout: data. */
  readonly out: Printer;
  /** stderr: people. Goes above the progress bar while there is one. */
  readonly err: Printer;
  readonly screen: Screen;
  /** Met while specs were read; masked in whatever is printed. */
  readonly secrets: Secrets;
  /** stderr is a terminal where lines may be redrawn. */
  readonly canAnimate: boolean;
  /** The whole program, every command with its options. */
  allCommands(): Promise<Command>;
  /** Opened when first asked for. */
  app(): Promise<App>;
  /** The same command line with runs recorded elsewhere, in a journal. */
  withState(stateDir: string): Cli;
  /**
   * From now on an interrupt asks to stop between chunks, and only the second one ends the process. Without this call
   * the first one does.
   * @param how it stops, for whoever interrupted it: `finishing the current chunk` unless told
   */
  gently(how?: string): AbortSignal;
  /** Says something on stderr beside the data: a sentence for people, or a line of the log after {@link logging}. */
  note(note: Note): void;
  /** From now on stderr is a log. Called by processes that run until they are stopped. */
  logging(): void;
  isLogging(): boolean;
  /** How the process was asked to stop; `null` when it wasn't. */
  interruptedBy(): "SIGINT" | "SIGTERM" | null;
}

/** One JSON document on stdout. */
export function printJson(out: Printer, value: unknown): void {
  out.line(JSON.stringify(value, null, out.isTerminal ? 2 : undefined));
}
