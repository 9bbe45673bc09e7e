/** Inputs of models that read text, by the names that their exporters give them. Only suggestions look at names. */
import type { TensorSpec } from "../data/tensor.js";
import { widthOf } from "./feature-candidates.js";

export interface TextInputs {
  /** Takes the tokens' numbers. */
  readonly tokens: TensorSpec;
  /** Tells tokens from padding. */
  readonly mask: TensorSpec | null;
  /** Which of two texts a token is of: 0 where there is one. */
  readonly segments: readonly TensorSpec[];
  /** Tokens of a row; a common length where the model leaves it open. */
  readonly padTo: number;
}

const usualLength = 128;

/** `null` unless exactly one input is left for the tokens, beside a mask or segments. */
export function textInputs(inputs: readonly TensorSpec[]): TextInputs | null {
  const integers = inputs.filter(({ type }) => type === "int64" || type === "int32");
  if (integers.length < inputs.length) return null;
  const masks = inputs.filter(({ name }) => /mask/i.test(name));
  const segments = inputs.filter(({ name }) => /token_?type|segment/i.test(name));
  const [tokens, ...others] = inputs.filter((input) => !masks.includes(input) && !segments.includes(input));
  const [mask = null, ...moreMasks] = masks;
  if (tokens === undefined || others.length > 0 || moreMasks.length > 0) return null;
  if (mask === null && segments.length === 0) return null;
  return { tokens, mask, segments, padTo: widthOf(tokens) ?? usualLength };
}
