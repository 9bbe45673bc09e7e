import { describe, expect, it } from "vitest";
import {
  expandTemplate,
  runScope,
  runVariables,
  templateVariables,
  tryExpandTemplate,
} from "../../src/text/template.js";

const scope = {
  ds: "2026-01-15",
  data_interval_start: "2026-01-15T00:00:00-03:00",
  "var.region": "EU",
  "var.rows": 5000,
  "var.flag": false,
  "var.list": ["a", "b"],
  "var.nothing": null,
};

describe("a template", () => {
  it.each([
    ["no template", "no template"],
    ["", ""],
    ["dt={{ ds }}/*.parquet", "dt=2026-01-15/*.parquet"],
    ["{{ds}}{{ ds }}", "2026-01-152026-01-15"],
    ["{{ var.region | lower }}", "eu"],
    ["{{ var.region | lower | upper }}", "EU"],
    ['{{ ds | replace: "-", "" }}', "20260115"],
    ["{{ ds | date: '%Y/%m/%d' }}", "2026/01/15"],
    ['{{ ds | date: "%j %y %%" }}', "015 26 %"],
    ['{{ data_interval_start | date: "%d at %H:%M:%S" }}', "15 at 00:00:00"],
    ["} {{ ds }} }}", "} 2026-01-15 }}"],
    ["{ { ds } }", "{ { ds } }"],
    ["rows={{ var.rows }} {{ var.flag }}", "rows=5000 false"],
  ])("%j becomes %j", (text, expected) => {
    expect(expandTemplate(text, scope)).toBe(expected);
  });

  it("that is the whole value keeps its type", () => {
    expect(expandTemplate("{{ var.rows }}", scope)).toBe(5000);
    expect(expandTemplate("{{ var.flag }}", scope)).toBe(false);
    expect(expandTemplate("{{ var.list }}", scope)).toEqual(["a", "b"]);
    expect(expandTemplate("{{ var.nothing }}", scope)).toBeNull();
  });

  it.each([
    ["x {{ dss }}", "template.unknown-variable", 2, 11],
    ["{{ toString }}", "template.unknown-variable", 0, 14],
    ["{{ ds | dat }}", "template.unknown-filter", 0, 14],
    ["{{ ds | toString }}", "template.unknown-filter", 0, 19],
    ["{{ ds", "template.syntax", 0, 5],
    ["{{}}", "template.syntax", 0, 4],
    ["{{ 1 + 1 }}", "template.syntax", 0, 11],
    ["{{ ds() }}", "template.syntax", 0, 10],
    ["{{ ds | date: %Y }}", "template.syntax", 0, 19],
    ["{{ ds | date }}", "template.value", 0, 15],
    ['{{ ds | date: "%Q" }}', "template.value", 0, 21],
    ['{{ ds | date: "100%" }}', "template.value", 0, 23],
    ['{{ var.region | date: "%Y" }}', "template.value", 0, 29],
    ['{{ ds | replace: "-" }}', "template.value", 0, 23],
    ["a {{ var.list }}", "template.value", 2, 16],
    ["a {{ var.nothing }}", "template.value", 2, 19],
  ])("%j is refused as %s", (text, code, start, end) => {
    expect(() => expandTemplate(text, scope)).toThrow(
      expect.objectContaining({ code, details: { template: text, start, end } }),
    );
  });

  it("reports all its problems, and keeps what it could not expand", () => {
    const { value, problems } = tryExpandTemplate("{{ dss }}/{{ ds }}/{{ var.regoin }}", scope);
    expect(value).toBe("{{ dss }}/2026-01-15/{{ var.regoin }}");
    expect(problems.map((problem) => problem.name)).toEqual(["dss", "var.regoin"]);
    expect(problems[1]?.candidates).toContain("var.region");
  });

  it("names its variables with where they stand", () => {
    expect(templateVariables("a {{ ds }} {{ model.sha256 | upper }} {{ 1 }}")).toMatchObject([
      { name: "ds", start: 2, end: 10 },
      { name: "model.sha256", start: 11, end: 37 },
    ]);
  });
});

describe("two stages", () => {
  it("leave what is not known yet, filters and all, for the second", () => {
    const first = expandTemplate('{{ ds }} {{ model.sha256 | replace: "-", "" }} {{ run.id }}', scope, {
      leave: ["run", "model"],
    });
    expect(first).toBe('2026-01-15 {{ model.sha256 | replace: "-", "" }} {{ run.id }}');
    const model = { path: "/models/flight.delay.onnx", sha256: "ab-cd" };
    expect(expandTemplate(String(first), runScope("r1", model))).toBe("2026-01-15 abcd r1");
    expect(expandTemplate("{{ model.name }}", runScope("r1", model))).toBe("flight.delay");
  });

  it("have a value for every name of the second", () => {
    expect(Object.keys(runScope("r1", { path: "m.onnx", sha256: "x" }))).toEqual([...runVariables]);
  });
});
