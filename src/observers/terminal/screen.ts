/** The part of a terminal that progress is shown on; handed in, so that lines and bar never overwrite each other. */
export interface Screen {
  /** Cells of a line now; changes when the window does. */
  readonly width: number;
  /** Prints a line that stays, above the status. */
  line(text: string): void;
  /** Replaces the one line at the bottom. */
  status(text: string): void;
  /** Takes the status away and gives the cursor back. May be repeated. */
  clear(): void;
}

/** Colours that observers use; no more than these. */
export interface Emphasis {
  dim(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

/** Calls `tick` at an interval until the returned function is called. */
export type Ticker = (everyMs: number, tick: () => void) => () => void;
