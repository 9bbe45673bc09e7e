// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named
/** Help and errors on narrow terminals. */
import { expect, test } from "vitest";
import { errorText } from "../../src/cli/output/error-text.js";
import { fitHelp, wrapLines } from "../../src/cli/output/fit.js";
import { makePaint } from "../../src/cli/output/paint.js";
import { commands } from "../../src/cli/shell/commands.js";
import { makeProgram } from "../../src/cli/shell/program.js";
import { rootHelp } from "../../src/cli/shell/root-help.js";
import { SpecError } from "../../src/errors.js";

/** The words in order, without the backslashes that continue an example. */
const wordsOf = (text: string) => text.replaceAll("\\\n", "\n").split(/\s+/);

const tooLong = (text: string, width: number) =>
  text.split("\n").filter((line) => line.length > width && /\S\s+\S/.test(line.trim()));

test.each([60, 72, 80])("help fits into %i columns, and no word is lost or torn", async (width) => {
  const texts = [rootHelp()];
  for (const { name } of commands) {
    const { root } = await makeProgram([name]);
    const command = root.commands.find((one) => one.name() === name);
    const parts: string[] = [];
    command?.configureOutput({
      writeOut: (part) => void parts.push(part),
      getOutHelpWidth: () => width,
    });
    command?.outputHelp();
    texts.push(parts.join(""));
  }
  expect(texts.filter((text) => text.length > 200).length).toBeGreaterThan(10);
  for (const text of texts) {
    const fitted = fitHelp(text, width);
    expect(tooLong(fitted, width)).toEqual([]);
    expect(wordsOf(fitted)).toEqual(wordsOf(text));
  }
});

test("an example breaks as a shell reads it, and a meaning goes below a long term", () => {
  expect(fitHelp("  nightshift score model.onnx data.parquet -o out/ --key id", 40)).toBe(
    "  nightshift score model.onnx \\\n      data.parquet -o out/ --key id",
  );
  expect(fitHelp("  --missing-columns <what>  what a column is in files that lack it", 44)).toBe(
    "  --missing-columns <what>\n      what a column is in files that lack it",
  );
});

test("errors and hints break between words, a command to copy stays whole", () => {
  const error = new SpecError("x.y", "one two three four five six seven eight nine ten", {
    hint: "Run `nightshift migrate '${DATABASE_URL}'`, as a role with CREATE on the database.",
  });
  const text = errorText(error, { paint: makePaint(false), width: 50 }, false);
  expect(text.split("\n").filter((line) => line.length > 50)).toEqual([]);
  expect(text).toContain("`nightshift migrate '${DATABASE_URL}'`");
  expect(text.split(/\s+/).join(" ")).toContain(error.message);
  expect(wrapLines("a b c", null)).toBe("a b c");
});
