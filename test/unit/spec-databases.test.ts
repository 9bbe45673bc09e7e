// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConnectionUrl, parseTableName, tableText } from "../../src/job/connection.js";
import { describeInput } from "../../src/job/input.js";
import type { Job } from "../../src/job/job.js";
import { targetOf } from "../../src/job/output.js";
import { fingerprintOf, jobIdOf } from "../../src/running/run-identity.js";
import { createSecrets } from "../../src/spec/secrets.js";
import { resolvedYaml } from "../../src/spec/write/resolved-yaml.js";
import { resolveConnection } from "../../src/wiring/resolve-connection.js";
import { filesOf, jobWith } from "../support/jobs.js";
import { jobText, makeSpecProject, type SpecProject } from "../support/spec-project.js";

const canary = "kanarienvogel%21";
const environment = {
  DATABASE_URL: `postgres://me:${canary}@Db.example:5433/features?sslmode=require`,
  DB_PASSWORD: "k4nari",
};
const fromTable = "input: { from: '${DATABASE_URL}', table: app.users, key: id }";
const toTable = "write: { to: '${DATABASE_URL}', table: scores.users, mode: upsert }";

let project: SpecProject;
beforeAll(() => {
  project = makeSpecProject();
});
afterAll(() => project.remove());

async function jobOf(...sections: readonly string[]): Promise<Job> {
  project.write("jobs/job.yaml", jobText(...sections));
  const { job } = await project.load("jobs/job.yaml", { environment });
  return job;
}

describe("a database in a spec", () => {
  it("is kept as it was written, with its address and without its secret", async () => {
    const job = await jobOf(fromTable, toTable);
    const connection = {
      template: "${DATABASE_URL}",
      baseDir: `${project.root}/jobs`,
      address: "postgres://db.example:5433/features",
    };
    expect(job.input).toEqual({
      kind: "postgres",
      connection,
      read: { kind: "table", table: { schema: "app", name: "users" } },
      consistency: "snapshot",
      key: ["id"],
      onEmpty: "fail",
    });
    expect(job.write).toEqual({
      kind: "postgres",
      connection,
      table: { schema: "scores", name: "users" },
      mode: "upsert",
      key: ["id"],
      create: false,
      onMissing: "keep",
      quarantine: null,
      layout: {},
      partitionBy: [],
      add: {},
    });
    expect(JSON.stringify(job)).not.toContain("kanarien");
    expect(targetOf(job.write)).toBe("postgres://db.example:5433/features/scores.users");
    expect(describeInput(job.input)).toBe("postgres://db.example:5433/features/app.users");
  });

  it("takes a query with bound values, which keep their types", async () => {
    const { input } = await jobOf(
      "input: { from: 'postgres://me:${DB_PASSWORD}@h/d', query: 'select 1 where a = $1', params: ['{{ var.n }}', a, null, [1, 2], '{{ ds }}'], consistency: none }",
      "write: { to: out, mode: append }",
      "intervals: { every: day }",
    ).catch(async () => {
      const { job } = await project.load("jobs/job.yaml", { environment, vars: { n: 7 } });
      return job;
    });
    expect(input).toMatchObject({
      connection: { template: "postgres://me:${DB_PASSWORD}@h/d", address: "postgres://h:5432/d" },
      read: { kind: "query", text: "select 1 where a = $1", params: [7, "a", null, [1, 2], "2026-01-19"] },
      consistency: "none",
    });
  });

  it("writes itself back as YAML, with nothing expanded that may be secret", async () => {
    const job = await jobOf(
      fromTable,
      "write: { to: '${DATABASE_URL}', table: '\"a.b\".c', create: true, key: id, quarantine: { directory: bad }, layout: { recs: explode } }",
    );
    const yaml = resolvedYaml(job);
    expect(yaml).toContain("from: ${DATABASE_URL}");
    expect(yaml).not.toContain("kanarien");
    project.write("jobs/again.yaml", yaml);
    const { job: again } = await project.load("jobs/again.yaml", { environment });
    expect(again).toEqual(job);
  });

  it("makes the same job and fingerprint whatever the password and the user are", async () => {
    const one = await jobOf(fromTable, toTable);
    project.write("jobs/job.yaml", jobText(fromTable, toTable));
    const other = { DATABASE_URL: "postgresql://you:rotated@db.example:5433/features" };
    const { job: two } = await project.load("jobs/job.yaml", { environment: other });
    expect(jobIdOf(two, "spec")).toBe(jobIdOf(one, "spec"));
    expect(fingerprintOf(two, [], "")).toBe(fingerprintOf(one, [], ""));
    const elsewhere = { DATABASE_URL: "postgres://you:rotated@other.example:5433/features" };
    const { job: three } = await project.load("jobs/job.yaml", { environment: elsewhere });
    expect(jobIdOf(three, "spec")).not.toBe(jobIdOf(one, "spec"));
    expect(fingerprintOf(three, [], "")).not.toBe(fingerprintOf(one, [], ""));
  });
});

it("jobs that version 0.1 kept are files, and the same jobs as ever", () => {
  const job = jobWith();
  const { kind: _input, ...input } = filesOf(job).input;
  const { kind: _write, ...write } = filesOf(job).write;
  const kept = { ...job, input, write } as unknown as Job;
  expect(targetOf(kept.write)).toBe("/out");
  expect(describeInput(kept.input)).toBe("/data");
  expect(jobIdOf(kept, "spec")).toBe(jobIdOf(job, "spec"));
  expect(fingerprintOf(kept, [], "")).toBe(fingerprintOf(job, [], ""));
});

describe("mistakes", () => {
  const from = "from: '${DATABASE_URL}'";
  const to = "to: '${DATABASE_URL}'";
  it.each([
    [`input: { ${from} }`, "spec.incomplete", "add `table: schema.name`, or `query:`"],
    [`input: { ${from}, table: a, query: select }`, "spec.table-or-query", "remove one"],
    [`input: { ${from}, table: a, params: [1] }`, "spec.table-or-query", "remove it"],
    [`input: { ${from}, query: 'select {{ var.x }}' }`, "spec.template-place", "`params`"],
    [`input: { ${from}, table: a.b.c }`, "spec.table-name", "`schema.table`"],
    [`input: { ${from}, table: ${"n".repeat(64)} }`, "spec.table-name", "63 bytes"],
    ["input: { from: ['${DATABASE_URL}'], table: a }", "spec.one-database", "without a list"],
    ["input: { from: data, query: select }", "spec.not-a-database", "write `from: ${DATABASE_URL}`"],
    [`input: { ${from}, tabel: a }`, "spec.unknown-key", "did you mean `table`?"],
    [`write: { ${to} }`, "spec.incomplete", "add `table: schema.name`"],
    [
      `write: { ${to}, table: a, mode: upsert }`,
      "spec.upsert-without-key",
      "add `key:` here, or `input.key`",
    ],
    [`write: { ${to}, table: a, key: b }`, "spec.unused-key", "remove it"],
    [`write: { ${to}, table: a, on_missing: delete }`, "spec.unused-key", "remove it"],
    [`write: { ${to}, table: a, quarantine: {} }`, "spec.incomplete", "quarantine: { table: scores.bad }"],
    [`write: { ${to}, table: a, layout: { b: json } }`, "spec.invalid-value", "did you mean `jsonb`?"],
    [`write: { ${to}, table: a, layout: { b: explode, c: explode } }`, "spec.two-exploded", "`jsonb`"],
    ["write: { to: out, create: true }", "spec.not-a-database", "write `to: ${DATABASE_URL}`"],
    ["write: { to: 'postgres://h', table: a }", "spec.connection", "end it with `/` and the database's name"],
    ["write: { to: 'postgres://h,i/d', table: a }", "spec.connection", "a proxy in front of them"],
    ["write: { to: 'postgres://h/d?sslmode=allow', table: a }", "spec.connection", "verify-full"],
    ["write: { to: 'postgres://h/d?pool=1', table: a }", "spec.connection", "sslrootcert"],
    ["write: { to: 'postgres://h/d-{{ ds }}', table: a }", "spec.template-place", "`${NAME}`"],
    ["write: { to: 'postgres://u:kanari@h/d', table: a }", "spec.literal-password", "`${DATABASE_URL}`"],
    [
      "write: { to: 'postgres://h/d?password=kanari', table: a }",
      "spec.literal-password",
      "`${DATABASE_URL}`",
    ],
    ["write: { to: '${X:-postgres://u:kanari@h/d}', table: a }", "spec.literal-password", "`${X:?set it}`"],
  ])("%s", async (section, code, suggestion) => {
    project.write("jobs/job.yaml", jobText(section));
    const error = await project.mistakes("jobs/job.yaml", { environment });
    const codes = error.diagnostics.map((diagnostic) => diagnostic.code);
    expect(codes).toEqual([code]);
    expect(error.diagnostics[0]?.suggestion).toContain(suggestion);
    expect(JSON.stringify([error.diagnostics, error.sources, error.message])).not.toContain("kanari");
  });

  it("an output that is the table that is read", async () => {
    project.write("jobs/job.yaml", jobText(fromTable, toTable.replace("scores.users", "app.users")));
    const { diagnostics } = await project.mistakes("jobs/job.yaml", { environment });
    expect(diagnostics).toMatchObject([{ path: "write.table", code: "spec.output-in-input" }]);
  });

  it("a job for every interval that names none", async () => {
    const text = jobText(
      `input: { ${from}, query: 'select 1', params: ['{{ ds }}'] }`,
      `write: { ${to}, table: a }`,
      "intervals: { every: day }",
    );
    project.write("jobs/job.yaml", text);
    const { diagnostics } = await project.mistakes("jobs/job.yaml", { environment });
    expect(diagnostics).toMatchObject([{ code: "spec.one-place-for-all-intervals" }]);
    project.write("jobs/job.yaml", text.replace("table: a", "table: a, mode: append"));
    expect((await project.load("jobs/job.yaml", { environment })).warnings).toEqual([]);
    project.write(
      "jobs/job.yaml",
      text.replace("table: a", "table: a, mode: append").replace("'{{ ds }}'", "1"),
    );
    expect((await project.load("jobs/job.yaml", { environment })).warnings).toHaveLength(1);
  });
});

describe("a connection in another process", () => {
  const connection = {
    template: "${DATABASE_URL}",
    baseDir: "/",
    address: "postgres://db.example:5433/features",
  };

  it("gets its secrets from that process' environment, and hides them when it is printed", async () => {
    const secrets = createSecrets();
    const url = resolveConnection(connection, { environment, secrets });
    expect(url.password()).toBe("kanarienvogel!");
    expect(url).toMatchObject({
      host: "db.example",
      port: 5433,
      user: "me",
      options: { sslmode: "require" },
    });
    expect(JSON.stringify(url)).not.toContain("kanarien");
    const { inspect } = await import("node:util");
    expect(inspect(url, { depth: 9, showHidden: true })).not.toContain("kanarien");
    expect(secrets.mask("it is kanarienvogel!")).toBe("it is ***");
  });

  it("refuses another database, and a variable that is not there", () => {
    const other = { DATABASE_URL: "postgres://me:kanari@elsewhere/features" };
    expect(() => resolveConnection(connection, { environment: other })).toThrow(
      expect.objectContaining({
        code: "refused.other-database",
        message: expect.not.stringContaining("kanari"),
      }),
    );
    expect(() => resolveConnection(connection, { environment: {} })).toThrow(
      expect.objectContaining({
        code: "connection.unresolved",
        message: expect.stringContaining("`DATABASE_URL`"),
      }),
    );
  });

  it("takes what a URL lacks from libpq's variables", () => {
    const bare = { DATABASE_URL: "postgres://db.example:5433/features" };
    const variables = {
      PGUSER: "them",
      PGPASSWORD: "theirs",
      PGSSLMODE: "verify-full",
      PGSSLROOTCERT: "/ca.pem",
    };
    const url = resolveConnection(connection, { environment: { ...bare, ...variables } });
    expect(url).toMatchObject({ user: "them", options: { sslmode: "verify-full", sslrootcert: "/ca.pem" } });
    expect(url.password()).toBe("theirs");
  });
});

describe("URLs and names", () => {
  it.each([
    ["postgres://h/d", "postgres://h:5432/d", "h"],
    ["postgresql://u:p@[::1]:1/d", "postgres://[::1]:1/d", "::1"],
    ["postgres:///d?host=/run/pg&port=7", "postgres://%2Frun%2Fpg:7/d", "/run/pg"],
    ["postgres://%2Frun%2Fpg/d", "postgres://%2Frun%2Fpg:5432/d", "/run/pg"],
    ["postgres://h/a%20b", "postgres://h:5432/a%20b", "h"],
    ["postgres:///d", "postgres://localhost:5432/d", "localhost"],
  ])("%s is at %s", (text, address, host) => {
    expect(parseConnectionUrl(text)).toMatchObject({ address, host });
    expect(parseConnectionUrl(address)).toMatchObject({ address });
  });

  it.each([
    ["a", null, "a"],
    ["A b.C", "A b", "C"],
    ['"a.b"."c""d"', "a.b", 'c"d'],
    ["é.ü", "é", "ü"],
  ])("%s is a table", (text, schema, name) => {
    expect(parseTableName(text)).toEqual({ schema, name });
    expect(parseTableName(tableText({ schema, name }))).toEqual({ schema, name });
  });

  it.each(["", ".", "a.", ".a", "a.b.c", '"a', "a\0", '""'])("%j is none", (text) => {
    expect(parseTableName(text)).toBeNull();
  });
});
