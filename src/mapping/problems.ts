import { type ErrorOptions, SpecError } from "../errors.js";

/** Collects mistakes, so that all of them are reported at once and before any data is read. */
export interface Problems {
  add(code: string, message: string, options?: ErrorOptions): void;
  /** @throws SpecError the one mistake there is, or `mapping.several` that lists them. */
  throwIfAny(): void;
}

export function createProblems(): Problems {
  const found: SpecError[] = [];
  return {
    add(code, message, options) {
      if (!found.some((error) => error.message === message))
        found.push(new SpecError(code, message, options));
    },
    throwIfAny() {
      const [first, ...more] = found;
      if (first === undefined) return;
      if (more.length === 0) throw first;
      const lines = found.map((error) =>
        error.hint === undefined ? `- ${error.message}` : `- ${error.message}\n  ${error.hint}`,
      );
      throw new SpecError(
        "mapping.several",
        `${found.length} mistakes in the mapping:\n${lines.join("\n")}`,
        { details: { mistakes: found.map(({ code, message }) => ({ code, message })) } },
      );
    },
  };
}
