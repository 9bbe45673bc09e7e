/** What the adapters of a spec's input and output find in it. */
import { inputKindOf, inputKinds } from "../../job/input.js";
import { outputKindOf, outputKinds } from "../../job/output.js";
import type { Check } from "./check.js";

/** Whether a word of `input.from` is a path. An address that no adapter knows is checked as one. */
export function isInputPath(from: string): boolean {
  return inputKindOf(from)?.namesPaths ?? true;
}

/** Whether `write.to` is a path. An address that no adapter knows is checked as one. */
export function isOutputPath(to: string): boolean {
  return outputKindOf(to)?.namesPaths ?? true;
}

/** A check for each kind of input; each but the one that the spec names finds nothing. */
export function inputMistakes(): readonly Check[] {
  return inputKinds().map((kind) => ({
    reads: kind.checked,
    problems: ({ spec: { input } }) => (inputKindOf(input.from) === kind ? kind.mistakes(input) : []),
  }));
}

/** The same for outputs. */
export function outputMistakes(): readonly Check[] {
  return outputKinds().map((kind) => ({
    reads: kind.checked,
    problems: ({ spec: { input, write } }) =>
      outputKindOf(write.to) === kind ? kind.mistakes(write, input) : [],
  }));
}
