/** Values of options, checked while the command line is parsed. */
import { type Command, InvalidArgumentError } from "commander";
import type { NullAnswers } from "../../job/job.js";
import { durationSyntax, parseDurationMs } from "../../spec/quantities.js";
import { parseBytes } from "../../text/human.js";

/**
 * Declares the only words that a command's first argument may be. Completion offers them; the command checks them itself,
 * because its error says more than the parser's.
 */
export function declareWords(command: Command, words: readonly string[]): void {
  command.registeredArguments[0]?.choices(words).argParser((word) => word);
}

/** Returns the words as a choice for people: `jobs, runs or ticks`. */
export function inWords(words: readonly string[]): string {
  return new Intl.ListFormat("en-GB", { type: "disjunction" }).format(words);
}

export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`Give a whole number of at least ${least}.`);
    return value;
  };
}

export function threadCount(text: string): number | "auto" {
  return text === "auto" ? "auto" : wholeNumber(1)(text);
}

export function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError("Give a number between 0 and 1.");
  return value;
}

/** `30s`, `5m`, `1h30m`; milliseconds. */
export function durationMs(text: string): number {
  if (durationSyntax.test(text)) return parseDurationMs(text);
  throw new InvalidArgumentError("Give a time such as 30s or 5m.");
}

/** `512MB`, `2GiB`, `1.5gb` or plain bytes. */
export function byteSize(text: string): number {
  const size = parseBytes(text);
  if (size === null) throw new InvalidArgumentError("Give a size such as 512MB or 2GiB.");
  return size;
}

/** `a,b`, also repeated: `--key a --key b`. */
export function names(text: string, before: readonly string[] = []): readonly string[] {
  const given = text.split(",").map((name) => name.trim());
  if (given.some((name) => name === ""))
    throw new InvalidArgumentError("Give names separated by commas, none of them empty.");
  return [...before, ...given];
}

/** One value each time it is given: paths may have commas. */
export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** `rule`, or `column=rule` for one column, repeated. A rule without a column is for all of them. */
export function nullAnswers(text: string, before: NullAnswers = { columns: {} }): NullAnswers {
  const at = text.indexOf("=");
  if (text === "" || at === 0)
    throw new InvalidArgumentError("Give a rule or a value, or one for a column: column=rule.");
  if (at < 0) return { ...before, all: text };
  return { ...before, columns: { ...before.columns, [text.slice(0, at)]: text.slice(at + 1) } };
}

/** `name=value`, repeated. */
export function variable(
  text: string,
  before: { readonly [name: string]: string } = {},
): { readonly [name: string]: string } {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Give it as name=value.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
