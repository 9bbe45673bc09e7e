import type { Schema } from "../../data/column.js";
import type { Signature } from "../../data/tensor.js";
import { featuresYaml, outputsYaml } from "../../spec/write/mapping-yaml.js";
import { suggestMapping } from "./suggest-mapping.js";

export interface MappingBlock {
  /** Lines of a job spec. */
  readonly yaml: string;
  readonly isPlaceholder: boolean;
}

/** The part of a job that maps columns to this model and back, to paste; `null` where no mapping fits the model. */
export function mappingBlock(signature: Signature, schema: Schema | null): MappingBlock | null {
  const suggested = suggestMapping(signature, schema);
  if (suggested === null) return null;
  const { mapping, isPlaceholder } = suggested;
  return { yaml: `${featuresYaml(mapping).text}\n${outputsYaml(mapping, signature).text}`, isPlaceholder };
}
