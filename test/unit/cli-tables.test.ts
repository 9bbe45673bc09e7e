import { expect, test } from "vitest";
import { makePaint } from "../../src/cli/output/paint.js";
import { renderRows } from "../../src/cli/output/rows.js";
import { renderPairs, renderTable } from "../../src/cli/output/table.js";
import { textWidth, truncate } from "../../src/cli/output/text-width.js";

const plain = { width: null, paint: makePaint(false) };

test("columns line up, numbers on the right, also where characters are wide or have no width", () => {
  const table = renderTable(
    [{ title: "name" }, { title: "rows", align: "right" }, { title: "note" }],
    [
      ["東京", "1,000", "wide"],
      ["e\u0301clair", "7", "combining"],
      ["🚀", "12", ""],
    ],
    plain,
  );
  expect(table.split("\n")).toEqual([
    "name     rows  note",
    "東京    1,000  wide",
    "e\u0301clair      7  combining",
    "🚀         12",
  ]);
});

test("the widest column is cut where the terminal ends, numbers stay whole", () => {
  const table = renderTable(
    [{ title: "file" }, { title: "rows", align: "right" }],
    [["data/a/very/long/path/to/a/file.parquet", "1,234,567"]],
    { ...plain, width: 30 },
  );
  expect(table.split("\n")).toEqual(["file                      rows", "data/a/very/long/p…  1,234,567"]);
  for (const line of table.split("\n")) expect(textWidth(line)).toBeLessThanOrEqual(30);
});

test("columns to spare are left out before others are cut, the least wanted first", () => {
  const columns = [
    { title: "run", whole: true as const },
    { title: "status", whole: true as const },
    { title: "rows", align: "right" as const, spare: 1 },
    { title: "took", align: "right" as const, spare: 2 },
  ];
  const rows = [["flights-g1", "published", "1,000", "0.44 s"]];
  const at = (width: number) => renderTable(columns, rows, { ...plain, width }).split("\n")[1];
  expect(at(36)).toBe("flights-g1  published  1,000  0.44 s");
  expect(at(35)).toBe("flights-g1  published  1,000");
  expect(at(27)).toBe("flights-g1  published");
  expect(at(10)).toBe("flights-g1  published");
});

test("what data holds to move the cursor is shown, not done", () => {
  const table = renderTable([{ title: "name" }], [["a\u001b[2Jb\u0000"]], plain);
  expect(table.split("\n")[1]).toBe("a\ufffd[2Jb\ufffd");
});

test("the title of numbers is cut before texts are, the numbers are not", () => {
  const columns = [{ title: "file" }, { title: "probability_of_churn", align: "right" }] as const;
  const table = renderTable(columns, [["a.parquet", "0.1234567"]], { ...plain, width: 20 });
  expect(table.split("\n")).toEqual(["file       probabil…", "a.parquet  0.1234567"]);
});

test("rows of data that are too wide are shown in several tables, each with the first column", () => {
  const names = ["id", ...Array.from({ length: 9 }, (_, index) => `probability_${index}`)];
  const rows = [0, 1].map((row) => names.map((_, index) => (index === 0 ? `k${row}` : index / 10)));
  for (const width of [60, 100]) {
    const shown = renderRows(names, rows, { ...plain, width });
    for (const line of shown.split("\n")) expect(textWidth(line)).toBeLessThanOrEqual(width);
    for (const name of names) expect(shown).toContain(name);
    for (const block of shown.split("\n\n")) expect(block).toMatch(/^id .*\nk0 .*\nk1 /);
  }
  expect(renderRows(names, rows, plain)).not.toContain("\n\n");
});

test("pairs break between words, below their value", () => {
  const pairs = [["rows in", "1,000 = 900 predicted + 100 quarantined + 0 filtered"]] as const;
  const shown = renderPairs(pairs, plain.paint, 40).split("\n");
  expect(shown).toEqual(["rows in  1,000 = 900 predicted + 100", "         quarantined + 0 filtered"]);
});

test("numbers are never cut, even where the line then is too long", () => {
  const columns = [{ title: "rows", align: "right" }, { title: "note" }] as const;
  const table = renderTable(columns, [["1,234,567,890", "something"]], { ...plain, width: 12 });
  expect(table.split("\n")[1]).toBe("1,234,567,890  somet…");
});

test("colours do not move columns", () => {
  const paint = makePaint(true);
  const columns = [{ title: "a", style: paint.red }, { title: "b" }];
  const rows = [
    ["x", "1"],
    ["long", "2"],
  ];
  const coloured = renderTable(columns, rows, { width: null, paint });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one.
  expect(coloured.replace(/\x1b\[\d+m/g, "")).toBe(
    renderTable([{ title: "a" }, { title: "b" }], rows, plain),
  );
});

test("pairs indent the lines that follow", () => {
  expect(
    renderPairs(
      [
        ["next", "one\ntwo"],
        ["output", "three"],
      ],
      plain.paint,
    ),
  ).toBe("next    one\n        two\noutput  three");
});

test.each([
  ["abc", 3],
  ["日本", 4],
  ["👩‍👩‍👧", 2],
  ["e\u0301", 1],
  ["\x1b[31mred\x1b[39m", 3],
])("%j is %i cells wide", (text, width) => {
  expect(textWidth(text)).toBe(width);
});

test("cutting never splits a character", () => {
  expect(truncate("日本語", 5)).toBe("日本…");
  expect(truncate("日本語", 4)).toBe("日…");
  expect(truncate("abc", 3)).toBe("abc");
});

test("rows of data: digits line up, nulls show, lists stay short", () => {
  const rows = renderRows(
    ["id", "p", "label", "embedding"],
    [
      [7, 0.25, "late", [0.1, 0.2, 0.3, 0.4]],
      [1234, 0.5, null, []],
      [8, 1, "a\nb", [1]],
    ],
    plain,
  );
  expect(rows.split("\n")).toEqual([
    "  id       p  label  embedding",
    "   7  0.2500  late   [0.100, 0.200, 0.300, … 4 values]",
    "1234  0.5000  null   []",
    "   8  1.0000  a b    [1.000]",
  ]);
});

test("no cut is wider than asked or leaves half a character", () => {
  const texts = [
    "日本語テキスト",
    "𠀀𠀁𠀂𠀃𠀄",
    "a👨‍👩‍👧‍👦bc🇩🇪🇫🇷👍🏽",
    "e\u0301e\u0301e\u0301e\u0301",
    "नमस्ते दुनिया",
    "a𠀀b日c🚀d",
  ];
  for (const text of texts)
    for (let width = 1; width <= 12; width++) {
      const cut = truncate(text, width);
      expect(textWidth(cut), `${text} in ${width}`).toBeLessThanOrEqual(width);
      expect(cut, `${text} in ${width}`).not.toMatch(/\p{Surrogate}/u);
      expect(cut === text || cut.endsWith("…")).toBe(true);
    }
});
