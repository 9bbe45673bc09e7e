/** Translates the engine's errors into messages that tell the model's owner what to do. */
import { InfraError, ModelError, type NightshiftError } from "../../errors.js";
import { engineVersion } from "./engine.js";

const engine = `ONNX Runtime ${engineVersion}`;

/** Patterns for messages of onnxruntime 1.30; unknown messages are shown unchanged, but shortened. */
const loadReasons: readonly {
  readonly pattern: RegExp;
  readonly reason: (match: RegExpExecArray) => string;
  readonly hint: (match: RegExpExecArray) => string;
}[] = [
  {
    pattern: /Unsupported model IR version: (\d+), max supported IR version: (\d+)/,
    reason: ([, found, limit]) => `its IR version is ${found}, and ${engine} reads up to ${limit}`,
    hint: ([, , limit]) =>
      `Export it again with an older onnx package, or set model.ir_version = ${limit} before saving it.`,
  },
  {
    pattern: /Opset (\d+) is under development.*support for domain (\S+) is till opset (\d+)/s,
    reason: ([, found, domain, limit]) =>
      `it uses opset ${found} of ${domain}, and ${engine} knows up to ${limit}`,
    hint: ([, , domain, limit]) => `Export it again with opset ${limit} or lower for ${domain}.`,
  },
  {
    pattern: /([\w.]+):(\w+)\(-?\d+\) is not a registered function\/op/,
    reason: ([, domain, operator]) =>
      `it uses the operator ${operator} of ${domain}, which ${engine} does not have`,
    hint: () => "Custom operators can't run here: export the model with standard ones.",
  },
  {
    pattern: /No Op registered for (\w+) with domain_version of (\d+)/,
    reason: ([, operator, version]) => `there is no operator ${operator} in the opset ${version} it imports`,
    hint: () => "Export it again with a higher opset, or without that operator.",
  },
  {
    pattern: /Could not find an implementation for (\w+)\((\d+)\)/,
    reason: ([, operator, version]) =>
      `${engine} can't run its operator ${operator} (version ${version}) on these types`,
    hint: () => "Export it again in another precision (float32 is always supported), or for another opset.",
  },
  {
    pattern: /Failed to construct locale with name:\s*([\w.@-]+)/,
    reason: ([, locale]) =>
      `it works on text by the rules of the locale ${locale}, which this machine does not have`,
    hint: ([, locale = ""]) => installLocale(locale),
  },
  {
    pattern: /protobuf parsing failed/i,
    reason: () => "it is not a complete ONNX file, or it is nested too deeply",
    hint: () => "Copy or export it again.",
  },
];

/** What to do where a locale is missing: `en_US.UTF-8` is `en_US` in UTF-8. */
export function installLocale(locale: string): string {
  const [language, encoding = "UTF-8"] = locale.split(".");
  return `Install the locale where models run. On Debian and Ubuntu: apt-get install locales && localedef -i ${language} -f ${encoding} ${locale}`;
}

export function loadFailed(path: string, cause: unknown): NightshiftError {
  const message = messageOf(cause);
  if (isOutOfMemory(message)) return outOfMemory(`loading ${path}`, cause);
  for (const { pattern, reason, hint } of loadReasons) {
    const match = pattern.exec(message);
    if (match !== null)
      return new ModelError("model.load-failed", `${path} can't be loaded: ${reason(match)}`, {
        hint: hint(match),
        details: { model: path },
        cause,
      });
  }
  return new ModelError("model.load-failed", `${path} can't be loaded: ${shortened(message)}`, {
    hint: `Check that it runs with onnxruntime ${engineVersion} in Python, and export it again.`,
    details: { model: path },
    cause,
  });
}

/** @param showShapes whether no shape can depend on a row's values */
export function predictFailed(path: string, cause: unknown, showShapes: boolean): NightshiftError {
  const message = messageOf(cause);
  if (isOutOfMemory(message)) return outOfMemory(`predicting with ${path}`, cause);
  return new ModelError(
    "model.predict-failed",
    `${path} could not predict: ${withoutValues(message, showShapes)}`,
    {
      details: { model: path },
      cause,
    },
  );
}

/**
 * Removes values of rows. While an operator runs, the engine may quote its input (`idx=987`): numbers and
 * quoted text are removed. The text before that contains only names and shapes and is kept; so are shapes in
 * the rest, if they do not depend on values.
 */
function withoutValues(message: string, showShapes: boolean): string {
  const match = /running (\w+) node\. Name:'([^']*)' Status Message: (.*)/s.exec(message);
  if (match === null) return shortened(message);
  const [, operator, name, status = ""] = match;
  const said = shortened(status)
    .split(showShapes ? shapes : /(?!)/)
    .map((part, place) => (place % 2 === 1 ? part : blotted(part)))
    .join("");
  return `${operator}${name === "" ? "" : ` (${name})`}: ${plainWords.get(said) ?? said}`;
}

/** `shape:{7,3}`, `shapes {2} and {3}`, `3 by 4`: in a group, so that splitting keeps them. */
const shapes =
  /((?:shapes?|dims|dimensions?)\b[^{}[\]]{0,24}[{[][-\d, ]*[}\]](?: and [{[][-\d, ]*[}\]])?|\d+ by \d+)/i;

function blotted(text: string): string {
  return text.replace(/'[^']*'|"[^"]*"/g, "'…'").replace(/-?\d+(\.\d+)?/g, "…");
}

/** C++ conversion errors contain only the function's name. */
const plainWords: ReadonlyMap<string, string> = new Map(
  ["stod", "stof", "stoll", "stol", "stoi", "stoull"].map((name) => [name, "a text is not a number"]),
);

/** One line without source positions and C++ signatures. */
export function shortened(message: string): string {
  const line = message
    .replace(
      /\/onnxruntime_src\/\S+\.(cc|h):\d+ [^\n]*?\)(?: const)?(?:::<lambda\(\)>)?(?: \[[^\]]*\])? /g,
      "",
    )
    .replace(/\b\w+\.(cc|h):\d+ \w+ /g, "")
    .replace(/\s+/g, " ")
    .trim();
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
}

function isOutOfMemory(message: string): boolean {
  return /bad_alloc|Failed to allocate memory|out of memory/i.test(message);
}

function outOfMemory(doing: string, cause: unknown): InfraError {
  return new InfraError("infra.out-of-memory", `memory ran out while ${doing}`, {
    hint: "Lower the number of threads, or give the machine more memory.",
    cause,
  });
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
