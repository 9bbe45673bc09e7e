// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** Values that a run was given stay with it: `retry` takes them from the run, also if its spec has changed. */
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { keysIn } from "../support/flight-project.js";
import { httpReceiver } from "../support/http-receiver.js";
import { jsonLinesOf, startNightshift } from "../support/nightshift.js";
import { servedProject } from "../support/served-project.js";

describe.each(["journal", "postgres"] as const)("%s", (ledger) => {
  const served = servedProject(ledger, 3, []);

  /** @param day declaration of the variable that chooses the input; `to` ends the name of the output */
  function writeSpec(day: string): void {
    const spec = [
      ...["version: 1", "name: daily", "model: ../model.onnx"],
      `vars: { day: ${day}, to: { type: string } }`,
      'input: { from: "../input/dt={{ var.day }}/*.parquet", key: [flight_id] }',
      'write: { to: "../out-{{ var.to }}", mode: append }',
      "intervals: { every: day, start: 2025-01-01 }",
      "limits: { threads: 1 }",
      'notify: { webhook: "${HOOK:-}" }',
    ];
    writeFileSync(served.project.spec, `${spec.join("\n")}\n`);
  }

  test("a run that was killed is retried with the values that it was given, and its receivers are notified of both tries", async () => {
    const { project } = served;
    const out = join(project.cwd, "out-given");
    const receiver = await httpReceiver();
    const env = { ...served.env(), HOOK: receiver.url };
    writeSpec("{ type: date }");
    const given = ["--var", "day=2025-01-02", "--var", "to=given"];
    const first = startNightshift(project.cwd, ["run", "daily", "--at", "2025-01-01", ...given, "--json"], {
      env,
      onEvent: ({ type }, child) => type === "run.planned" && child.kill("SIGKILL"),
    });
    expect((await first.finished).status).toBeNull();
    expect(existsSync(out)).toBe(false);

    writeSpec("{ type: date, default: 2025-01-03 }");
    const input = project.inputPath("2025-01-02");
    renameSync(input, `${input}.aside`);
    // Not to its end in one step: this process answers what is posted.
    const retry = () => startNightshift(project.cwd, ["retry", "--json"], { env }).finished;
    expect((await retry()).status).toBe(1);
    renameSync(`${input}.aside`, input);
    const retried = await retry();
    expect([retried.status, jsonLinesOf(retried).at(-1)]).toMatchObject([0, { status: "published" }]);
    expect(await keysIn(out)).toEqual([5, 6, 7, 8, 9]);
    const notices = receiver.received.map(({ body }) => JSON.parse(body));
    expect(notices.map(({ event }) => event)).toEqual(["failed", "recovered"]);
    await receiver.close();
  });
});
