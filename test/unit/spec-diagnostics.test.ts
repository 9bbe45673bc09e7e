// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { diagnosticsText } from "../../src/cli/output/diagnostics-text.js";
import { errorText } from "../../src/cli/output/error-text.js";
import { makePaint } from "../../src/cli/output/paint.js";
import { exitCodeOf, fromErrorRecord, toErrorRecord } from "../../src/errors.js";
import type { Diagnostic } from "../../src/spec/diagnostic.js";
import { printable } from "../../src/text/visible-text.js";
import { jobText, makeSpecProject, type SpecProject } from "../support/spec-project.js";

function diagnostic(
  line: number,
  column: number,
  endColumn: number,
  suggestion: string | null = null,
): Diagnostic {
  return {
    file: "j.yaml",
    path: "a",
    line,
    column,
    endColumn,
    code: "spec.x",
    message: "it is wrong",
    suggestion,
  };
}

function render(text: string, shown: Diagnostic, color = false, width: number | null = null): string {
  return diagnosticsText([shown], { "j.yaml": text }, { paint: makePaint(color), width });
}

const look = { paint: makePaint(false), width: null };

describe("a diagnostic", () => {
  it("shows place, line, caret and suggestion", () => {
    expect(render("a: 1\n  b: wrogn\nc: 2", diagnostic(2, 6, 11, "did you mean `wrong`?"))).toBe(
      [
        "j.yaml:2:6 error: it is wrong [spec.x]",
        "  |",
        "2 |   b: wrogn",
        "  |      ^^^^^ did you mean `wrong`?",
      ].join("\n"),
    );
  });

  it("keeps tabs and gives room to long line numbers", () => {
    const text = `${"\n".repeat(99)}a:\tb`;
    expect(
      render(text, diagnostic(100, 4, 5))
        .split("\n")
        .slice(1),
    ).toEqual(["    |", "100 | a:\tb", "    |   \t^"]);
  });

  it("never shows more of a line than fits, and keeps the caret under its text", () => {
    const text = `${"x".repeat(500)}WRONG${"y".repeat(500)}`;
    const [, , line = "", caret = ""] = render(text, diagnostic(1, 501, 506)).split("\n");
    expect(line.length).toBeLessThan(140);
    expect(line.slice(caret.indexOf("^"), caret.lastIndexOf("^") + 1)).toBe("WRONG");
  });

  it("survives places that are not in the text", () => {
    expect(render("", diagnostic(1, 1, 2))).toContain("j.yaml:1:1");
    expect(render("a", diagnostic(7, 1, 2, "do this"))).toBe(
      "j.yaml:7:1 error: it is wrong [spec.x]\n  do this",
    );
  });

  it("fits a narrow terminal, and breaks between words", () => {
    const text = `${"x".repeat(60)} WRONG ${"y".repeat(60)}`;
    const shown = { ...diagnostic(1, 62, 67, "write something else here, of which there are many examples") };
    const message = "it is wrong in a way that takes more words than there is room for on a narrow terminal";
    const lines = render(text, { ...shown, message }, false, 60).split("\n");
    expect(lines.filter((line) => line.length > 60)).toEqual([]);
    expect(lines.join(" ").replace(/\s+/g, " ")).toContain(message);
    const marks = lines.findIndex((line) => line.includes("^^^^^"));
    const [above = "", caret = ""] = lines.slice(marks - 1);
    expect(above.slice(caret.indexOf("^"), caret.lastIndexOf("^") + 1)).toBe("WRONG");
  });

  it("shows no colours and no control characters of the spec itself", () => {
    const evil = "\u001b[31ma\u202e\u001b[2Jb";
    const text = render(evil, { ...diagnostic(1, 1, 2, evil), message: evil, path: evil }, true);
    const plain = render(evil, { ...diagnostic(1, 1, 2, evil), message: evil, path: evil });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for.
    expect(plain).not.toMatch(/[\u001b\u202e]/);
    expect(stripVTControlCharacters(text)).toBe(plain);
  });

  it("is coloured only when asked to", () => {
    const shown = diagnostic(1, 1, 2, "x");
    expect(render("a", shown)).not.toContain("\u001b");
    const colored = render("a", shown, true);
    expect(colored).toContain("\u001b[31m");
    expect(printable(colored)).toBe(colored);
    expect(stripVTControlCharacters(colored)).toBe(render("a", shown));
  });
});

describe("a spec with mistakes", () => {
  let project: SpecProject;
  beforeEach(() => {
    project = makeSpecProject();
  });
  afterEach(() => project.remove());

  it("is an error of the author that says how many, where, and what to run", async () => {
    project.write("jobs/f.yaml", jobText("input: { form: data }", "passthrough: rst"));
    const error = await project.mistakes("jobs/f.yaml");
    expect(error.message).toBe("2 mistakes in jobs/f.yaml");
    expect(exitCodeOf(error)).toBe(2);
    expect(errorText(error, look, false)).toBe(
      [
        "jobs/f.yaml:4:10 error: there is no key `form` here [spec.unknown-key]",
        "  |",
        "4 | input: { form: data }",
        "  |          ^^^^ did you mean `from`?",
        "",
        "jobs/f.yaml:6:14 error: expected a list, `rest`, `all` or `none`, found the text `rst` [spec.wrong-type]",
        "  |",
        "6 | passthrough: rst",
        "  |              ^^^ did you mean `rest`?",
        "",
        "2 mistakes in jobs/f.yaml; correct and check again: nightshift validate jobs/f.yaml",
      ].join("\n"),
    );
  });

  it("keeps its mistakes as data, across processes too", async () => {
    project.write("jobs/f.yaml", jobText("passthrough: rst"));
    const error = await project.mistakes("jobs/f.yaml");
    const travelled = fromErrorRecord(JSON.parse(JSON.stringify(toErrorRecord(error))));
    expect(travelled).toMatchObject({
      code: "spec.invalid",
      details: {
        diagnostics: [{ file: "jobs/f.yaml", line: 6, column: 14, endColumn: 17, path: "passthrough" }],
      },
    });
  });

  it("shows nothing secret: neither what was written nor what variables hold", async () => {
    project.write("pw", "s3cret-from-file\n");
    project.write(
      "jobs/f.yaml",
      jobText(
        "model: postgres://me:hunter2@db/m",
        "input:\n  from: '${DATABASE_URL}/{{ nothing }}'\n  on_empty: ${API_TOKEN}",
        "passthrough: ${file:../pw}",
      ),
    );
    const environment = { DATABASE_URL: "postgres://me:pa55word@db", API_TOKEN: "t0ken" };
    const error = await project.mistakes("jobs/f.yaml", { environment });
    const everything = errorText(error, look, false) + JSON.stringify(toErrorRecord(error));
    for (const secret of ["hunter2", "pa55word", "t0ken", "s3cret-from-file"])
      expect(everything).not.toContain(secret);
    expect(everything).toContain("postgres://me:*******@db/m");
    expect(everything).toContain("found `***`");
  });
});
