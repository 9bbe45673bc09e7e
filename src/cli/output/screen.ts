import { printable } from "../../text/visible-text.js";
import { textWidth, truncate } from "./text-width.js";

/** As much of a stream as output needs. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Lines that stay, and one status line below them that is redrawn in place. */
export interface Screen {
  readonly width: number;
  line(text: string): void;
  status(text: string): void;
  clear(): void;
}

const hideCursor = "\x1b[?25l";
const showCursor = "\x1b[?25h";

/** One line, whatever the names in it hold. */
function oneStatus(text: string): string {
  return printable(text).replaceAll("\n", " ");
}

export function createScreen(stream: TextStream): Screen {
  let shown: string | null = null;
  // A terminal whose size was never set reports 0.
  const width = () => (stream.columns === undefined || stream.columns === 0 ? 80 : stream.columns);
  /** A window that became narrower has wrapped the line: its first row is further up then. */
  const erase = () => {
    const rowsAbove = Math.max(0, Math.ceil(textWidth(shown ?? "") / width()) - 1);
    return `\r${rowsAbove > 0 ? `\x1b[${rowsAbove}A` : ""}\x1b[J`;
  };
  return {
    get width() {
      return width();
    },
    line(text) {
      stream.write(shown === null ? `${text}\n` : `${erase()}${text}\n${shown}`);
    },
    status(given) {
      const text = oneStatus(given);
      // Some terminals wrap when the last cell is filled, and Ctrl-C writes `^C` behind the line.
      const room = width() - 3;
      const fitted = textWidth(text) <= room ? text : truncate(text, room);
      if (fitted === shown) return;
      stream.write(`${shown === null ? hideCursor : erase()}${fitted}`);
      shown = fitted;
    },
    clear() {
      if (shown === null) return;
      stream.write(`${erase()}${showCursor}`);
      shown = null;
    },
  };
}
