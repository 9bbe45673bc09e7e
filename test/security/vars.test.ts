// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** Values that a run is given: what they may not do as part of a path, and what they reveal of secrets. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { targetOf } from "../../src/job/output.js";
import type { Answer } from "../support/api-client.js";
import { type ApiProject, apiProject } from "../support/api-project.js";
import { nightshift } from "../support/nightshift.js";
import { jobText, makeSpecProject } from "../support/spec-project.js";

const project = makeSpecProject();
afterAll(() => project.remove());

function load(text: string, v: string, more = {}) {
  return project.load(project.write("jobs/job.yaml", text), { vars: { v }, ...more });
}

const unsafe = { code: "usage.unsafe-var", message: expect.stringContaining("`v`") };
const places = [
  "write: { to: '../out/{{ var.v }}' }",
  "write: { to: '../out/{{ var.v }}/x' }",
  "write: { to: 'postgres://u@db.example/x', table: t, quarantine: { directory: '../q/{{ var.v }}' } }",
  "input: { from: 'data/{{ var.v }}/*.parquet' }",
  "input: { from: [data/a.parquet, 'data/{{ var.v }}'] }",
  "check: { file: '{{ var.v }}' }",
  "pre: 'hooks/{{ var.v }}'",
];

describe("a given value in a path", () => {
  const hostile = [
    "x".repeat(256),
    "ü".repeat(128),
    ".other",
    "-rf",
    "eu.quarantine",
    "eu.Quarantine",
    ".nightshift",
    ".out.nightshift",
    "eu.nightshift",
    "a\u202eb",
    "a\u2066b",
    "a\u2028b",
    "\ufeffa",
    "a\ud800",
  ];
  test.each(hostile)("%j is refused wherever it stands", async (v) => {
    for (const place of places) await expect(load(jobText(place), v), place).rejects.toMatchObject(unsafe);
  });

  test.each([
    ["eu.{{ var.v }}", "quarantine"],
    ["eu{{ var.v }}", ".quarantine"],
    [".{{ var.v }}.nightshift", "out"],
    ["{{ var.v | lower }}", "EU.QUARANTINE"],
    ["x-{{ var.v }}", "x".repeat(254)],
    // The folder beside the output is called `.<name>.nightshift`.
    ["{{ var.v }}", "x".repeat(250)],
  ])("what it makes together with the text around it is refused: %s", async (name, v) => {
    await expect(load(jobText(`write: { to: '../out/${name}' }`), v)).rejects.toMatchObject(unsafe);
  });

  test.each(["eu.quarantine", "a/eu.nightshift/b", "a\u202eb", "x".repeat(256), "a/".repeat(1024)])(
    "%j is refused whatever the pattern of the job allows",
    async (v) => {
      const text = jobText('vars: { v: { pattern: ".*" } }', places[0] ?? "");
      await expect(load(text, v)).rejects.toMatchObject(unsafe);
    },
  );

  test.each([
    ["{{ var.v }}", "eu-1.b"],
    ["x{{ var.v }}", "-1"],
    ["x{{ var.v }}", ".old"],
    [".{{ var.v }}", "eu"],
    ["{{ var.v }}", "quarantine"],
    ["{{ var.v }}", "x".repeat(243)],
    ["{{ var.v }}", "ciudad-Málaga-東京"],
  ])("ordinary values are used: %s, %s", async (name, v) => {
    const { job } = await load(jobText(`write: { to: '../out/${name}' }`), v);
    expect(targetOf(job.write)).toBe(join(project.root, "out", name.replace("{{ var.v }}", v)));
  });

  test("a folder that the author names may be one of quarantined rows", async () => {
    const text = jobText("input: { from: '../out/eu.quarantine/{{ var.v }}/*.parquet' }");
    await expect(load(text, "run-1")).resolves.toBeDefined();
  });

  test("elsewhere they are data", async () => {
    for (const v of ["-1", ".5", "x".repeat(256)])
      expect((await load(jobText("write: { to: out, add: { a: '{{ var.v }}' } }"), v)).job.write.add).toEqual(
        {
          a: v,
        },
      );
  });
});

describe("a given value that equals a secret", () => {
  const environment = { DATABASE_URL: "postgres://u:Guess-99@db.example/x" };
  const text = jobText(
    "input: { from: '${DATABASE_URL}', table: t, key: id }",
    "write: { to: out, add: { a: '{{ var.v }}' } }",
  );

  test("is refused on the command line, and the spec is not blamed", async () => {
    await expect(load(text, "Guess-99", { environment })).rejects.toMatchObject({
      code: "usage.secret-var",
      message: expect.not.stringContaining("Guess-99"),
    });
  });

  test("is refused on the command line also where it only looks like one", async () => {
    await expect(load(text, "Server=db;Pwd=zz", { environment })).rejects.toMatchObject({
      code: "usage.secret-var",
    });
    await expect(load(text, "Server=db;Pwd=zz", { environment, givenBy: "client" })).resolves.toBeDefined();
  });

  test("is taken like any other where the caller must not learn of it", async () => {
    const { job } = await load(text, "Guess-99", { environment, givenBy: "client" });
    expect(job.write.add).toEqual({ a: "Guess-99" });
  });

  test("does not let a secret of the spec through", async () => {
    const both = text.replace("{{ var.v }}", "{{ var.v }}Guess-99");
    project.write("jobs/job.yaml", both);
    const { diagnostics } = await project.mistakes("jobs/job.yaml", {
      ...{ environment, givenBy: "client", vars: { v: "x" } },
    });
    expect(diagnostics).toMatchObject([{ code: "spec.secret-in-job" }]);
  });
});

describe("over HTTP", () => {
  const [secret, other] = ["Guess-99", "Guess-98"];
  const at = "2025-01-01";
  let service: ApiProject;
  let start: (body: object) => Promise<Answer>;
  beforeAll(async () => {
    service = await apiProject({ WAREHOUSE_URL: `postgres://u:${secret}@127.0.0.1:9/x` });
    service.writeJob("warehouse", (spec) =>
      spec
        .replace(/^(intervals|schedule):.*$/gm, "")
        .replace(/^input:.*$/m, "input: { from: '${WAREHOUSE_URL}', table: t, key: id }"),
    );
    service.writeJob("guess", (spec) =>
      spec
        .replace(/^schedule:.*$/m, "")
        .replace("version: 1", "version: 1\nvars: { who: {}, kind: { pattern: '[a-z]*', default: a } }")
        .replace(
          "../out-guess, mode: append",
          "'../out-guess/{{ var.who }}', mode: append, add: { k: '{{ var.kind }}' }",
        ),
    );
    service.writeJob("lost", (spec) =>
      spec
        .replace(/^(intervals|schedule):.*\n/gm, "")
        .replace("dt={{ ds }}", "{{ var.who }}")
        .replace("version: 1", "version: 1\nvars: { who: {} }"),
    );
    for (const name of ["warehouse", "guess", "lost"])
      await service.served.until("spec.loaded", ({ job }) => job === name);
    service.project.writeDay(at);
    start = (body) => service.api.post("/v1/jobs/guess/runs", body);
  });
  afterAll(() => service.remove());

  test("names are refused as other parameters are", async () => {
    for (const who of ["x".repeat(250), "eu.quarantine", ".x", "-rf", "a\u202eb"]) {
      const answer = await start({ at, vars: { who } });
      expect(answer, who).toMatchObject({ status: 400, body: { code: "usage.unsafe-var" } });
      expect(answer.body.detail).toContain("`who`");
    }
  });

  /** What two guesses are answered, with the guess taken out. */
  async function answers(ask: (guess: string) => Promise<Answer>): Promise<readonly string[]> {
    const told: string[] = [];
    for (const guess of [secret, other]) {
      const { status, text } = await ask(guess);
      const { createdAt, startedAt, updatedAt, id, run, ...body } = JSON.parse(text);
      told.push(`${status} ${JSON.stringify(body).replaceAll(guess, "GUESS")}`);
    }
    return told;
  }

  test.each<readonly [string, (guess: string) => Promise<Answer>]>([
    ["a value", (guess) => start({ at, vars: { who: guess } })],
    ["a value with more around it", (guess) => start({ at, vars: { who: `a-${guess}-b` } })],
    ["a value that is refused", (guess) => start({ at, vars: { who: "a", kind: guess } })],
    [
      "a value that leads to no file",
      (guess) => service.api.post("/v1/jobs/lost/runs", { vars: { who: guess } }),
    ],
    ["the name of a variable", (guess) => start({ at, vars: { who: "a", [guess]: 1 } })],
    ["a key", (guess) => start({ at, [guess]: 1 })],
    ["a date", (guess) => start({ at: guess })],
    ["a lane", (guess) => start({ at, vars: { who: "a" }, lane: `${guess}!` })],
    ["a job", (guess) => service.api.get(`/v1/jobs/${guess}`)],
    ["a run", (guess) => service.api.get(`/v1/runs/${guess}`)],
    ["a path", (guess) => service.api.get(`/v1/${guess}`)],
    ["a query", (guess) => service.api.get(`/v1/runs?${guess}=1`)],
  ])("%s that is a secret is answered like any other", async (_, ask) => {
    const [right, wrong] = await answers(ask);
    expect(right).toBe(wrong);
  });

  test("what is shown of a run afterwards is the same, too, and its output is where it was asked for", async () => {
    const [right, wrong] = await answers(async (guess) => {
      const { body } = await start({ at, vars: { who: guess } });
      return until(
        () => service.api.get(`/v1/runs/${body.run}`),
        (answer) => answer.body.status === "published",
      );
    });
    expect(right).toBe(wrong);
    expect(right).toContain("out-guess/GUESS");
    const [listed, others] = await answers((guess) =>
      service.api.get("/v1/runs?job=guess").then((answer) => {
        const runs = answer.body.runs as readonly { readonly vars: { readonly who: string } }[];
        const found = runs.find(({ vars }) => vars.who === guess) ?? {};
        return { ...answer, text: JSON.stringify(found) };
      }),
    );
    expect(listed).toBe(others);
    expect(listed).toContain("GUESS");
  });

  test("an interval that is not over yet is recorded with a warning", async () => {
    const vars = { who: "later" };
    const early = await start({ at: "2999-01-01", vars });
    expect(early).toMatchObject({
      status: 202,
      body: { outcome: "recorded", warnings: [expect.stringContaining("2999-01-01")] },
    });
    expect((await start({ at, vars })).body).not.toHaveProperty("warnings");
    const key = { "idempotency-key": "again" };
    const twice = async () =>
      (await service.api.post("/v1/jobs/guess/runs", { at: "2999-01-02", vars }, key)).body.warnings;
    expect(await twice()).toEqual(await twice());
  });
});

async function until<T>(look: () => Promise<T>, isThere: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look();
    if (isThere(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("the command line refuses them with --var", () => {
  project.write("jobs/job.yaml", jobText("write: { to: '../out/{{ var.v }}' }"));
  for (const v of ["x".repeat(250), ".x", "-rf", "eu.quarantine", "a\u202eb"]) {
    const refused = nightshift(project.root, "run", "job", "--var", `v=${v}`, "--json");
    expect(refused.status, v).toBe(2);
    expect(refused.stdout + refused.stderr).toContain("usage.unsafe-var");
  }
});
