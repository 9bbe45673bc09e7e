/** Reads what `serve` and `worker` log: a line is `time level message key=value`. */

export interface LoggedLine {
  readonly level: string;
  readonly message: string;
  readonly fields: { readonly [key: string]: string };
}

const line =
  /^\d{4}-\d\d-\d\dT[\d:.]{12}Z (info |warn |error) ([a-z]+(?: [a-z]+)*)((?: \w+=(?:"(?:[^"\\]|\\.)*"|[^\s"=]+))*)$/;
const pair = / (\w+)=("(?:[^"\\]|\\.)*"|[^\s"=]+)/g;

/** @throws Error with the first line that is none */
export function logLinesIn(text: string): readonly LoggedLine[] {
  return text
    .split("\n")
    .filter((each) => each !== "")
    .map((each) => {
      const [, level = "", message, pairs = ""] = line.exec(each) ?? [];
      if (message === undefined) throw new Error(`not a line of a log: ${each}`);
      const fields = [...pairs.matchAll(pair)].map(([, key = "", value = ""]) => [
        key,
        value.startsWith('"') ? JSON.parse(value) : value,
      ]);
      return { level: level.trim(), message, fields: Object.fromEntries(fields) };
    });
}
