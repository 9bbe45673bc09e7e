/**
 * Matches paths with a glob in bounded time, because names and patterns could be made to keep a backtracking
 * matcher busy.
 */
import { createContext, Script } from "node:vm";
import picomatch from "picomatch";
import { SpecError } from "../../errors.js";

/** One step of a glob: `**`, or a pattern for one name. */
type Step = "any-depth" | readonly Token[];

/** A run of any characters, or a test of one character. */
type Token = "any" | ((character: string) => boolean);

/**
 * Punctuation without a special meaning in a glob. Characters that are not listed and not alphanumeric may
 * have one.
 */
const plainPunctuation = /^[\w\-.=,~%#&;: \u0080-\uffff]$/;
const plainClass = /^\[\^?[\w\-.=]+\]/;

/** Far more time than any terminating match needs. */
const deadlineMs = 1_000;

/**
 * @param glob relative, with `/` between its steps
 * @returns a test of relative paths. It throws SpecError `source.slow-pattern` if a pattern with braces or
 * groups takes too long.
 */
export function globMatcher(glob: string): (relative: string) => boolean {
  const steps = glob.split("/").map(simpleStep);
  const simple = steps.filter((step) => step !== null);
  // `**` beside `**`, or at the end after a wildcard, has a special meaning.
  const isSimple = simple.length === steps.length && !glob.includes("**/**") && !glob.endsWith("/**");
  const matches = isSimple ? simpleMatcher(simple) : deadlineMatcher(glob);
  return (relative) => relative === glob || matches(relative);
}

function simpleMatcher(steps: readonly Step[]): (relative: string) => boolean {
  const matches = (step: Step, name: string): boolean => step !== "any-depth" && matchesName(step, name);
  return (relative) => matchesSequence(steps, relative.split("/"), matches, isDepth);
}

const isDepth = (step: Step): boolean => step === "any-depth";

/** Returns `null` for a step with braces, groups or escapes. */
function simpleStep(step: string): Step | null {
  if (step === "**") return "any-depth";
  // `**` inside a name is not equivalent to one star.
  if (step.includes("**")) return null;
  const tokens: Token[] = [];
  for (let at = 0; at < step.length; ) {
    const character = step.charAt(at);
    const characterClass = plainClass.exec(step.slice(at))?.[0] ?? null;
    const token = characterClass === null ? tokenOf(character) : classToken(characterClass);
    if (token === null) return null;
    tokens.push(token);
    at += (characterClass ?? character).length;
  }
  return tokens;
}

function tokenOf(character: string): Token | null {
  if (character === "*") return "any";
  if (character === "?") return () => true;
  return plainPunctuation.test(character) ? (given) => given === character : null;
}

/** Returns `null` for a range in the wrong order. */
function classToken(text: string): Token | null {
  try {
    const member = new RegExp(`^${text}$`);
    return (given) => member.test(given);
  } catch {
    return null;
  }
}

/** A name that begins with a dot only matches if the pattern names the dot. */
function matchesName(tokens: readonly Token[], name: string): boolean {
  if (name === "") return false;
  return matchesSequence(
    tokens,
    name.split(""),
    (token, character) => token !== "any" && token(character),
    (token) => token === "any",
  );
}

/**
 * Matches items one by one; a wildcard matches any number of them. If an item does not match, the last
 * wildcard takes one more item: earlier ones need not be retried, so this takes at most
 * `parts.length * items.length` steps.
 */
function matchesSequence<P, I>(
  parts: readonly P[],
  items: readonly I[],
  matches: (part: P, item: I) => boolean,
  isWildcard: (part: P) => boolean,
): boolean {
  let part = 0;
  let item = 0;
  let lastWildcard = -1;
  let takenTo = 0;
  while (item < items.length) {
    if (part < parts.length && isWildcard(parts[part] as P)) {
      lastWildcard = part++;
      takenTo = item;
    } else if (part < parts.length && matches(parts[part] as P, items[item] as I)) {
      part++;
      item++;
    } else if (lastWildcard >= 0) {
      part = lastWildcard + 1;
      item = ++takenTo;
    } else return false;
  }
  return parts.slice(part).every(isWildcard);
}

/** Braces and groups are matched by a regular expression, which V8 can interrupt. */
function deadlineMatcher(glob: string): (relative: string) => boolean {
  const expression = picomatch.makeRe(glob, { nonegate: true });
  const context = createContext({ expression, relative: "" });
  const script = new Script("expression.test(relative)");
  return (relative) => {
    context.relative = relative;
    try {
      return script.runInContext(context, { timeout: deadlineMs }) === true;
    } catch (cause) {
      throw new SpecError("source.slow-pattern", `the pattern ${glob} takes too long to match ${relative}`, {
        hint: "Use fewer wildcards and no repeated groups, or name directories.",
        details: { pattern: glob, path: relative },
        cause,
      });
    }
  };
}
