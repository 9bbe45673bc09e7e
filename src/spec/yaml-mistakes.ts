// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/**
 * Reports problems of the YAML itself, before its values are read, in words for users who do not know YAML's
 * grammar.
 */
import { type Document, isMap, isNode, isPair, isScalar, type Node, visit, type YAMLMap } from "yaml";

export interface Mistake {
  /** Offsets in the text, end-exclusive. */
  readonly range: readonly [start: number, end: number];
  readonly path?: string;
  readonly code: string;
  readonly message: string;
  readonly suggestion: string | null;
}

/**
 * Grammar mistakes: with any of them, values are meaningless. One for each line, since the first one causes
 * the others.
 */
export function syntaxMistakes(document: Document, text: string): readonly Mistake[] {
  const byLine = new Map<number, Mistake>();
  for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
    const line = text.lastIndexOf("\n", pos[0] - 1) + 1;
    if (byLine.has(line)) continue;
    const quote = message.startsWith("Missing closing") ? lastQuote(document) : null;
    const known = quote === null ? explain(code, lineAt(text, line)) : unclosedQuote(quote - line);
    // An unexplained mistake after an explained one is most likely a consequence of it.
    if (byLine.size > 0 && known.message === undefined) continue;
    byLine.set(line, {
      range: known.range === undefined ? [pos[0], pos[1]] : [line + known.range[0], line + known.range[1]],
      code: "spec.yaml",
      message: known.message ?? lowerFirst(message),
      suggestion: known.suggestion,
    });
  }
  return [...byLine.values()];
}

interface Explanation {
  readonly message?: string;
  readonly suggestion: string | null;
  readonly range?: readonly [start: number, end: number];
}

const unquotedTemplate = /(?<=[:[,{-]\s*)\{\{.*?\}\}[^\s,\]}]*/;
const templateInFlow = /(?<=[[{,:]\s*)[^\s"'[{,:]+\{\{.*?\}\}[^\s,\]}]*/;
const unquotedVariable = /(?<=[[{,:]\s*)[^\s"'[{,:]*\$\{[^}]*\}[^\s,\]}]*/;

/** Most grammar mistakes in a spec come from text that has a special meaning in YAML. */
function explain(code: string, line: string): Explanation {
  const template = unquotedTemplate.exec(line);
  if (template !== null)
    return {
      message: "a value that begins with `{{` has to be quoted",
      suggestion: `write "${template[0]}"`,
      range: [template.index, template.index + template[0].length],
    };
  for (const [pattern, what] of [
    [templateInFlow, "{{ … }}"],
    [unquotedVariable, "${…}"],
  ] as const) {
    const found = pattern.exec(line);
    if (found !== null)
      return {
        message: `inside \`[ ]\` and \`{ }\`, \`${what}\` has to be quoted`,
        suggestion: `write "${found[0]}"`,
        range: [found.index, found.index + found[0].length],
      };
  }
  switch (code) {
    case "TAB_AS_INDENT":
      return { message: "a tab cannot indent", suggestion: "indent with spaces" };
    case "MULTIPLE_DOCS":
      return {
        message: "there is a second document in this file",
        suggestion: "one file holds one job: remove `---`",
      };
    case "BAD_SCALAR_START":
      return { message: "a value cannot begin with this character", suggestion: "quote the value" };
    case "BAD_DQ_ESCAPE":
      return { suggestion: "use single quotes, where a backslash means itself" };
    case "BLOCK_AS_IMPLICIT_KEY":
      return { message: "there is a second `:` on this line", suggestion: "quote the value" };
    case "TAG_RESOLVE_FAILED":
      return {
        message: "tags (`!…`) have no meaning in a spec",
        suggestion: "write `${NAME}` for a variable",
      };
    case "BAD_ALIAS":
      return { suggestion: "quote the value" };
    case "BAD_INDENT":
      return { suggestion: "check that brackets are closed and that the indentation is even" };
    case "MISSING_CHAR":
      return { suggestion: "check the quotes, brackets and the `:` of this line" };
    default:
      return { suggestion: null };
  }
}

/** The parser reports an open quote at the end of the file; users need the place where it was opened. */
function lastQuote(document: Document): number | null {
  let start: number | null = null;
  visit(document, {
    Scalar(_, { type, range }) {
      if (type === "QUOTE_SINGLE" || type === "QUOTE_DOUBLE") start = range?.[0] ?? start;
    },
  });
  return start;
}

function unclosedQuote(start: number): Explanation {
  return {
    message: "this quote is never closed",
    suggestion: "close it, or use the other kind of quote around text that holds one",
    range: [start, start + 1],
  };
}

/** Mistakes that the grammar allows. `readable`: whether the values still have a meaning. */
export function structureMistakes(
  document: Document,
  lineOf: (offset: number) => number,
): { readonly mistakes: readonly Mistake[]; readonly readable: boolean } {
  const mistakes: Mistake[] = [];
  let readable = true;
  const add = (node: Node, breaks: boolean, mistake: Omit<Mistake, "range">): void => {
    const [start, end] = node.range ?? [0, 1];
    mistakes.push({ range: [start, end], ...mistake });
    readable &&= !breaks;
  };
  visit(document, {
    Alias(_, alias, ancestors) {
      const target = alias.resolve(document);
      if (target === undefined)
        add(alias, true, {
          code: "spec.unknown-alias",
          message: `there is no anchor \`&${alias.source}\` for \`*${alias.source}\``,
          suggestion: /^[\w-]+$/.test(alias.source) ? null : "a value that begins with `*` has to be quoted",
        });
      else if (ancestors.includes(target))
        add(alias, true, {
          code: "spec.circular-alias",
          message: "it contains itself",
          suggestion: "write the value out",
        });
    },
    Map(_, map, ancestors) {
      checkKeys(map, lineOf, add, holdsNames(ancestors));
    },
  });
  return { mistakes, readable };
}

/** Whether the keys are names of inputs, outputs, labels and columns, which the spec does not define. */
function holdsNames(ancestors: readonly unknown[]): boolean {
  const section = ancestors.find((ancestor) => isPair(ancestor));
  return isScalar(section?.key) && ["features", "outputs"].includes(String(section.key.value));
}

function checkKeys(
  map: YAMLMap,
  lineOf: (offset: number) => number,
  add: (node: Node, breaks: boolean, mistake: Omit<Mistake, "range">) => void,
  takesAnyName: boolean,
): void {
  const seen = new Map<string, number>();
  for (const { key } of map.items) {
    if (isMap(key) && map.flow) {
      add(map, true, {
        code: "spec.yaml",
        message: "a value that begins with `{{` has to be quoted",
        suggestion: 'write "{{ … }}"',
      });
      return;
    }
    if (!isScalar(key)) {
      add(isNode(key) ? key : map, true, {
        code: "spec.yaml",
        message: "a key has to be text",
        suggestion: null,
      });
      continue;
    }
    const name = String(key.value);
    if (name === "__proto__" && !takesAnyName)
      add(key, true, {
        code: "spec.yaml",
        message: "a key cannot have this name",
        suggestion: "use another one",
      });
    const first = seen.get(name);
    seen.set(name, first ?? key.range?.[0] ?? 0);
    if (first !== undefined)
      add(key, false, {
        code: "spec.duplicate-key",
        message: `\`${name}\` is given twice`,
        suggestion: `remove one: the first is on line ${lineOf(first)}`,
      });
  }
}

function lineAt(text: string, start: number): string {
  const end = text.indexOf("\n", start);
  return text.slice(start, end < 0 ? text.length : end);
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
