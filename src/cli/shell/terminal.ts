import { terminalFromProcess } from "../../config.js";
import { exitCodes } from "../../errors.js";
import { createSecrets, type Secrets, secretsInWords } from "../../spec/secrets.js";
import { printable } from "../../text/visible-text.js";
import { makePaint } from "../output/paint.js";
import { createScreen, type Screen } from "../output/screen.js";
import type { Printer } from "./context.js";

/** Both streams, ready before anything was parsed: a mistake in the command line is reported through them too. */
export interface Terminal {
  readonly out: Printer;
  readonly err: Printer;
  readonly screen: Screen;
  readonly secrets: Secrets;
  /** Progress may redraw lines. */
  readonly canAnimate: boolean;
  readonly wantsJson: boolean;
  readonly wantsDetail: boolean;
  /** The reader of stdout is gone: a run continues without it, other commands end. */
  goOnWithoutReader: boolean;
  /** What is said on stderr are lines of a log. */
  isLog: boolean;
}

export function openTerminal(argv: readonly string[]): Terminal {
  const { color, animation } = terminalFromProcess();
  const coloured = (stream: NodeJS.WriteStream) =>
    !argv.includes("--no-color") && (color === "always" || (color === "auto" && stream.isTTY === true));
  const screen = createScreen(process.stderr);
  const secrets = createSecrets();
  for (const secret of secretsInWords(argv)) secrets.add(secret);
  const { mask } = secrets;
  return {
    out: printer(process.stdout, coloured(process.stdout), mask, (text) => process.stdout.write(`${text}\n`)),
    err: printer(process.stderr, coloured(process.stderr), mask, (text) => screen.line(text)),
    screen,
    secrets,
    canAnimate: animation && process.stderr.isTTY === true,
    wantsJson: argv.includes("--json"),
    wantsDetail: argv.includes("-v") || argv.includes("--verbose"),
    goOnWithoutReader: false,
    isLog: false,
  };
}

/** `nightshift ls runs | head -1` is no error. */
export function ignoreVanishedReaders(terminal: Terminal): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (!terminal.goOnWithoutReader) process.exit(exitCodes.ok);
  });
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

function printer(
  stream: NodeJS.WriteStream,
  coloured: boolean,
  mask: (text: string) => string,
  line: (text: string) => void,
): Printer {
  const isTerminal = stream.isTTY === true;
  return {
    paint: makePaint(coloured),
    get width() {
      return isTerminal ? stream.columns : null;
    },
    isTerminal,
    line: (text) => line(printable(mask(text))),
    write: (text) => stream.write(printable(mask(text))),
  };
}
