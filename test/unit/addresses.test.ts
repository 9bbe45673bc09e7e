// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named
/** An address where a path is expected is understood or refused, and never becomes a folder. */
import { expect, test } from "vitest";
import { readSettings } from "../../src/config.js";
import { withoutPassword } from "../../src/job/connection.js";
import { outputFor } from "../../src/service/outputs.js";
import { localPath } from "../../src/service/paths.js";
import { defineJob } from "../../src/spec/define-job.js";
import { findJob } from "../../src/spec/find-job.js";
import { createSecrets, secretsInWords } from "../../src/spec/secrets.js";
import { schemeOf } from "../../src/text/path-scheme.js";

const signed = "https://x.blob.core.windows.net/c/p.parquet?sv=1&sig=c4nary%2Fsig";

const addresses = [
  ["s3://lake/x"],
  ["s3:/lake/x"],
  ["GS://lake/x.parquet"],
  ["az://c/x"],
  [signed],
  ["postgres://u:c4nary@h/db"],
  ["postgres:/u:c4nary@h/db"],
  ["jdbc:postgresql://h/db"],
  ["out/s3://lake/x"],
] as const;

test.each(addresses)("%s is no path of the command line, and the error shows no secret", async (address) => {
  const refusal = expect.objectContaining({
    code: "usage.unsupported-scheme",
    message: expect.not.stringContaining("c4nary"),
  });
  expect(() => localPath(address, "/w")).toThrow(refusal);
  const cli = { cwd: "/w", secrets: createSecrets() } as Parameters<typeof outputFor>[0];
  await expect(outputFor(cli, address)).rejects.toThrow(refusal);
});

test("a file URL is its path; references and empty words are no paths", () => {
  expect(localPath("file:///data/a%20b.parquet", "/w")).toBe("/data/a b.parquet");
  expect(() => localPath("file://host/x", "/w")).toThrow(
    expect.objectContaining({ code: "usage.unsupported-scheme" }),
  );
  for (const path of ["${DATABASE_URL}", "${OUT}/x.parquet"])
    expect(() => localPath(path, "/w")).toThrow(expect.objectContaining({ code: "usage.reference-in-path" }));
  expect(() => localPath("", "/w")).toThrow(expect.objectContaining({ code: "usage.empty-path" }));
  for (const path of ["data/dt=2026-01-01T00:00/x.parquet", "a:b", "C:/x"]) expect(schemeOf(path)).toBeNull();
});

test("a job is not looked for at an address", async () => {
  await expect(findJob("s3://lake/jobs/x.yaml", "/w")).rejects.toMatchObject({
    code: "usage.unsupported-scheme",
  });
});

test.each(["stateDir", "NIGHTSHIFT_STATE", "NIGHTSHIFT_OUTPUT_ROOT", "NIGHTSHIFT_ASSETS"])(
  "%s is a folder, not an address",
  (name) => {
    for (const value of ["s3://u:c4nary@lake/x", "${HOME}/x"]) {
      const settings = name === "stateDir" ? { stateDir: value } : {};
      const environment = name === "stateDir" ? {} : { [name]: value };
      expect(() => readSettings({ ...settings, cwd: "/w", environment })).toThrow(
        expect.objectContaining({
          code: "usage.environment",
          message: expect.not.stringContaining("c4nary"),
        }),
      );
    }
  },
);

const context = { cwd: "/w", now: new Date(0), environment: {}, outputRoot: null };
const spec = { version: 1, name: "j", model: "m.onnx", input: { from: "in" }, write: { to: "out" } } as const;
const toTable = { to: "postgres://h/db", table: "t" };

test.each([
  ["write.to", { ...spec, write: { to: "s3://lake/x" } }],
  ["write.to", { ...spec, write: { to: "s3:/lake/x" } }],
  ["write.to", { ...spec, write: { to: "file:///x" } }],
  ["write.to by a template", { ...spec, write: { to: "{{ var.where }}/x" } }],
  ["input.from by a template", { ...spec, input: { from: "{{ var.where }}/x" } }],
  ["write.to by a template, of a database", { ...spec, write: { ...toTable, to: "{{ var.base }}" } }],
  ["a file of quarantine", { ...spec, write: { ...toTable, quarantine: { directory: "s3://lake/q" } } }],
  ["quarantine", { ...spec, write: { ...toTable, quarantine: { directory: "postgres://h/db" } } }],
  ["model", { ...spec, model: "postgres://h/db" }],
  ["pre", { ...spec, pre: "https://h/x.ts" }],
])("a job refuses an address in %s", (_, job) => {
  const vars = { where: "s3://lake", base: "postgres://h/db" };
  expect(() => defineJob(job, { ...context, vars })).toThrow(
    expect.objectContaining({ code: "spec.invalid" }),
  );
});

test("passwords and signatures in words of a command line are known before anything reads them", () => {
  expect(
    secretsInWords([
      "--input=postgres://u:one@h/db?password=two",
      signed,
      "s3://b/x?X-Amz-Signature=three",
      "postgres://u:${PW}@h/db",
    ]),
  ).toEqual(["one", "two", "c4nary%2Fsig", "three"]);
  expect(withoutPassword("postgres://u:p@h/db?password=x&sslmode=require")).toBe(
    "postgres://u@h/db?sslmode=require",
  );
  expect(withoutPassword("postgres://u@h/db?sslmode=require")).toBe("postgres://u@h/db?sslmode=require");
  expect(withoutPassword("postgres://u:${PW}@h/db")).toBe("postgres://u:${PW}@h/db");
});
