/** Questions on a terminal, one line each; an empty answer selects the offered value. */
import { createInterface } from "node:readline/promises";
import type { Readable, Writable } from "node:stream";
import { CancelledError } from "../../errors.js";
import { indented, oneLine, printable } from "../../text/visible-text.js";
import type { Paint } from "../output/paint.js";

export interface Question {
  readonly text: string;
  /** Taken when the line is left empty; `null`: an answer is needed. */
  readonly offered: string | null;
  /** What Tab completes to. */
  readonly candidates?: readonly string[];
  /** What is wrong with an answer, or `null`: then it is taken. */
  readonly refuse?: (answer: string) => string | null;
}

export interface Prompt {
  /** Asks until there is an answer that will do. @throws CancelledError at Ctrl-C and at the end of the input */
  ask(question: Question): Promise<string>;
  say(text: string): void;
  close(): void;
}

export interface PromptOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly terminal: boolean;
  readonly paint: Paint;
}

export function openPrompt({ input, output, terminal, paint }: PromptOptions): Prompt {
  let candidates: readonly string[] = [];
  const lines = createInterface({
    input,
    output,
    terminal,
    completer: (line: string): [string[], string] => {
      const word = /[^,]*$/.exec(line)?.[0] ?? "";
      return [candidates.filter((candidate) => candidate.startsWith(word)), word];
    },
  });
  const stopped = new AbortController();
  lines.on("SIGINT", () => lines.close());
  lines.on("close", () => stopped.abort());

  async function line(query: string): Promise<string> {
    try {
      return (await lines.question(query, { signal: stopped.signal })).trim();
    } catch (cause) {
      output.write("\n");
      throw new CancelledError("stopped; nothing was written", { cause });
    }
  }

  return {
    async ask({ text, offered, candidates: completions = [], refuse = () => null }) {
      // What cannot be shown safely on the line that is edited is not offered by Tab.
      candidates = completions.filter((candidate) => oneLine(candidate) === candidate);
      const suggestion = offered === null || offered === "" ? "" : ` ${paint.dim(`(${oneLine(offered)})`)}`;
      while (true) {
        const given = await line(`${paint.bold(oneLine(text))}${suggestion} `);
        const answer = given === "" ? offered : given;
        const problem = answer === null ? "an answer is needed" : refuse(answer);
        if (answer !== null && problem === null) return answer;
        output.write(`${paint.yellow(`  ${oneLine(problem ?? "")}`)}\n`);
      }
    },
    say: (text) => void output.write(`${printable(indented(text))}\n`),
    close: () => lines.close(),
  };
}
