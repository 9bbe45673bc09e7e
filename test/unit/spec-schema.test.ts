import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { jobJsonSchema } from "../../src/spec/schema.js";
import { makeSpecProject } from "../support/spec-project.js";

const root = new URL("../../", import.meta.url);
const committed = readFileSync(new URL("schema/job.v1.json", root), "utf8");
const examples = readdirSync(new URL("jobs/", root)).filter((name) => name.endsWith(".yaml"));

describe("the published JSON Schema", () => {
  it("is the one of this version (node scripts/generate-schema.mjs)", () => {
    expect(committed).toBe(`${JSON.stringify(jobJsonSchema(), null, 2)}\n`);
  });

  it("is draft-07, and describes every property", () => {
    const schema = JSON.parse(committed);
    expect(schema.$schema).toBe("http://json-schema.org/draft-07/schema#");
    expect(schema.required).toEqual(["version", "name", "model", "input", "write"]);
    expect(undescribed(schema)).toEqual([]);
  });

  // Through zod's reader of JSON Schema: not the schema that the file was made from.
  const validator = z.fromJSONSchema(JSON.parse(committed));

  it.each(examples)("takes jobs/%s", (name) => {
    const spec: unknown = parse(readFileSync(new URL(`jobs/${name}`, root), "utf8"));
    expect(validator.safeParse(spec).error?.issues).toBeUndefined();
  });

  it("refuses what is not in the language", () => {
    const small = { version: 1, name: "x", model: "m", input: { from: "d" }, write: { to: "o" } };
    expect(validator.safeParse(small).success).toBe(true);
    expect(validator.safeParse({ ...small, schedule: {} }).success).toBe(false);
    expect(validator.safeParse({ ...small, write: { to: "o", mode: "update" } }).success).toBe(false);
    expect(validator.safeParse({ ...small, version: 2 }).success).toBe(false);
  });
});

describe("the example jobs", () => {
  it.each(examples)("jobs/%s loads", async (name) => {
    const project = makeSpecProject();
    project.write(`jobs/${name}`, readFileSync(new URL(`jobs/${name}`, root), "utf8"));
    const { job, warnings } = await project.load(`jobs/${name}`, { at: "2001-06-12" });
    expect(job.name).toBe(name.replace(".yaml", ""));
    expect(warnings).toEqual([]);
    project.remove();
  });
});

/** Paths of properties without a description. */
function undescribed(schema: unknown, path = ""): readonly string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { properties = {} } = schema as { readonly properties?: { readonly [key: string]: object } };
  const own = Object.entries(properties)
    .filter(([, property]) => !("description" in property))
    .map(([key]) => `${path}.${key}`);
  const inner = Object.entries(schema).flatMap(([key, value]) =>
    key === "examples" || key === "default" ? [] : undescribed(value, `${path}.${key}`),
  );
  return [...own, ...inner];
}
