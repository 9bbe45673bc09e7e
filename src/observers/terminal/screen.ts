/**
 * The part of a terminal that shows progress. It is a parameter, so that lines and bar never overwrite each
 * other.
 */
export interface Screen {
  /** Present width of a line in cells; changes with the window. */
  readonly width: number;
  /** Prints a permanent line above the status. */
  line(text: string): void;
  /** Replaces the status line at the bottom. */
  status(text: string): void;
  /** Removes the status and restores the cursor. May be repeated. */
  clear(): void;
}

/** The colours that observers use. */
export interface Emphasis {
  dim(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

/** Calls `tick` at an interval until the returned function is called. */
export type Ticker = (everyMs: number, tick: () => void) => () => void;
