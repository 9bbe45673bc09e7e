// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** Input that arrives late, and runs that are tried again: nights that heal by themselves, on both ledgers. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { apiClient } from "../support/api-client.js";
import { urlOf } from "../support/api-project.js";
import { keysIn } from "../support/flight-project.js";
import { httpReceiver } from "../support/http-receiver.js";
import { nightshift, nightshiftWith, said, startNightshift } from "../support/nightshift.js";
import { clockAt, type Served, serveIn } from "../support/served.js";
import { servedProject } from "../support/served-project.js";

const night = "2025-01-03T02:15:00.000Z";
const cron = "15 2 * * * UTC";

describe.each(["journal", "postgres"] as const)("%s", (ledger) => {
  const served = servedProject(ledger, 3, ['schedule: { cron: "15 2 * * *" }']);

  const serve = (
    at: string,
    more: { readonly [name: string]: string } = {},
    ...argv: readonly string[]
  ): Served => serveIn(served.project.cwd, { ...clockAt(at, served.env()), ...more }, ...argv);

  function writeSpec(input: string, more: readonly string[] = []): void {
    const { project } = served;
    project.writeSpec({
      more: ['schedule: { cron: "15 2 * * *", retries: { max: 1, delay: 1s } }', ...more],
    });
    const spec = join(project.cwd, "jobs/daily.yaml");
    const text = readFileSync(spec, "utf8").replace("key: [flight_id] }", `key: [flight_id], ${input} }`);
    writeFileSync(spec, text);
  }

  test("a tick waits for its input across services, is seen to, and runs when the marker is there", async () => {
    const { project } = served;
    const receiver = await httpReceiver();
    writeSpec("wait_for: { timeout: 3h, poll: 1s, marker: _SUCCESS }", ["notify: { webhook: '${HOOK:-}' }"]);
    const hook = { HOOK: receiver.url };
    await served.followed(new Date("2025-01-03T02:00:00Z"), "daily", cron);
    const first = serve("2025-01-03T02:15:10", hook, "--listen", "127.0.0.1:0");
    const waiting = await first.until("tick.waiting");
    expect(waiting).toMatchObject({
      at: night,
      progress: { status: "waiting", reason: { code: "source.not-ready" }, attempts: [] },
    });
    const api = await apiClient(await urlOf(first));
    expect((await api.get("/v1/jobs/daily")).body.waiting).toMatchObject([
      {
        tick: night,
        status: "waiting",
        until: expect.stringMatching(/^2025-01-03T05:15/),
        reason: { code: "source.not-ready" },
      },
    ]);
    expect(served.json("ls", "ticks")).toMatchObject([
      { at: night, end: null, progress: { status: "waiting" } },
    ]);
    const grid = served.json("status", "--job", "daily", "--from", "2025-01-02", "--to", "2025-01-02");
    expect(grid.intervals).toMatchObject([{ state: "waiting" }]);
    first.child.kill("SIGKILL");
    await first.finished;

    const second = serve("2025-01-03T02:45:00", hook);
    await second.until("spec.loaded");
    writeFileSync(join(project.cwd, "input/dt=2025-01-02/_SUCCESS"), "");
    expect(await second.until("tick.ended")).toMatchObject({
      at: night,
      end: { status: "published", error: null },
    });
    // The wait began with the first service.
    expect(served.json("ls", "ticks")).toMatchObject([
      { end: { status: "published" }, progress: { since: expect.stringMatching(/^2025-01-03T02:15/) } },
    ]);
    expect(await keysIn(project.out)).toHaveLength(project.rowsADay);
    await expect
      .poll(() => receiver.received.map(({ body }) => JSON.parse(body).event))
      .toEqual(["waiting", "recovered"]);
    second.child.kill("SIGKILL");
    await second.finished;
    await receiver.close();
  });

  test("when its time is over it fails as what it is; without wait_for it is tried again, and its attempts are kept", async () => {
    const { project } = served;
    writeSpec("wait_for: { timeout: 1s, poll: 1s }");
    rmSync(project.inputPath("2025-01-02"));
    await served.followed(new Date("2025-01-03T02:00:00Z"), "daily", cron);
    const first = serve("2025-01-03T02:15:10");
    expect(await first.until("tick.ended")).toMatchObject({
      end: { status: "failed", error: "source.not-found" },
    });
    expect(first.events.filter(({ type }) => type === "tick.waiting")).toHaveLength(1);
    first.child.kill("SIGKILL");
    await first.finished;

    writeSpec("on_empty: fail");
    rmSync(project.inputPath("2025-01-03"));
    const second = serve("2025-01-04T02:15:10");
    expect(await second.until("tick.waiting")).toMatchObject({
      progress: { status: "retrying", attempts: [{ error: "source.not-found" }] },
    });
    project.writeDay("2025-01-03");
    expect(await second.until("tick.ended")).toMatchObject({ end: { status: "published" } });
    expect(served.json("ls", "ticks")[0]).toMatchObject({
      at: "2025-01-04T02:15:00.000Z",
      progress: { attempts: [{ error: "source.not-found", runId: null }] },
    });
    second.child.kill("SIGKILL");
    await second.finished;
  });

  test("a job after another starts when the interval that covers its own is published; by hand it is refused before", async () => {
    const { project } = served;
    const env = served.env();
    const spec = readFileSync(project.spec, "utf8").replace(/^schedule:.*\n/m, "");
    writeFileSync(project.spec, spec);
    const follower = spec
      .replace("name: daily", "name: follower\nafter: [daily]")
      .replace("../out", "../out-follower")
      .replaceAll("dt={{ ds }}", "dt=2025-01-02")
      .replace("every: day", "every: hour");
    writeFileSync(join(project.cwd, "jobs/follower.yaml"), follower);
    const at = ["--at", "2025-01-02T23:30:00Z"];
    const refused = nightshiftWith(env, project.cwd, "run", "follower", ...at);
    expect([refused.status, refused.stderr]).toEqual([
      2,
      expect.stringContaining("nightshift run daily --at"),
    ]);

    await served.followed(new Date("2025-01-02T23:59:00Z"), "follower", "0 * * * * UTC");
    const service = serve("2025-01-03T00:00:10");
    expect(await service.until("tick.waiting")).toMatchObject({
      ...{ job: "follower", at: "2025-01-03T00:00:00.000Z" },
      progress: { status: "waiting", reason: { code: "refused.upstream-unpublished" } },
    });
    expect(nightshiftWith(env, project.cwd, "run", "daily", "--at", "2025-01-02").status).toBe(0);
    expect(await service.until("tick.ended")).toMatchObject({
      job: "follower",
      end: { status: "published" },
    });
    expect(nightshiftWith(env, project.cwd, "run", "follower", "--at", "2025-01-02T22:00:00Z").status).toBe(
      0,
    );
    service.child.kill("SIGKILL");
    await service.finished;

    writeFileSync(project.spec, `${spec}after: [follower]\n`);
    const circle = nightshiftWith(env, project.cwd, "validate");
    expect([circle.status, circle.stderr]).toEqual([2, expect.stringContaining("after")]);
  });

  test("a day after hours starts when all of its hours are published, and not before", async () => {
    const { project } = served;
    const env = served.env();
    const spec = readFileSync(project.spec, "utf8").replace(/^schedule:.*\n/m, "");
    const hourly = spec
      .replace("name: daily", "name: hourly")
      .replace("../out", "../out-hourly")
      .replaceAll("dt={{ ds }}", "dt=2025-01-02")
      .replace("every: day", "every: hour");
    writeFileSync(join(project.cwd, "jobs/hourly.yaml"), hourly);
    writeFileSync(project.spec, spec.replace("name: daily", "name: daily\nafter: [hourly]"));
    const hours = (from: string, to: string) =>
      nightshiftWith(env, project.cwd, "backfill", "hourly", "--from", from, "--to", to);
    expect(hours("2025-01-02T00:00:00Z", "2025-01-02T12:00:00Z").status).toBe(0);
    expect(hours("2025-01-02T14:00:00Z", "2025-01-02T22:00:00Z").status).toBe(0);

    await served.followed(new Date("2025-01-02T23:00:00Z"), "daily", "0 0 * * * UTC");
    const service = serve("2025-01-03T00:00:10");
    expect(await service.until("tick.waiting", ({ job }) => job === "daily")).toMatchObject({
      at: "2025-01-03T00:00:00.000Z",
      progress: { status: "waiting", reason: { code: "refused.upstream-unpublished" } },
    });
    const refusedFor = (): string | undefined => {
      const byHand = nightshiftWith(env, project.cwd, "run", "daily", "--at", "2025-01-02");
      return /run hourly --at (\S+);/.exec(byHand.stderr)?.[1];
    };
    expect(refusedFor()).toBe("2025-01-02T13:00:00Z");
    expect(hours("2025-01-02T13:00:00Z", "2025-01-02T13:00:00Z").status).toBe(0);
    expect(refusedFor()).toBe("2025-01-02T23:00:00Z");
    expect(existsSync(project.out)).toBe(false);
    expect(hours("2025-01-02T23:00:00Z", "2025-01-02T23:00:00Z").status).toBe(0);
    expect(await service.until("tick.ended", ({ job }) => job === "daily")).toMatchObject({
      end: { status: "published" },
    });
    expect(await keysIn(project.out)).toHaveLength(project.rowsADay);
  }, 240_000);
});

describe("run and backfill", () => {
  const served = servedProject("journal", 3, []);

  test("wait for their input, as long as the job says", async () => {
    const { project } = served;
    rmSync(project.inputPath("2025-01-02"));
    const argv = ["run", "daily", "--at", "2025-01-02", "--wait-for"];
    expect(nightshift(project.cwd, ...argv, "0s").status).toBe(2);
    const waiting = startNightshift(project.cwd, [...argv, "1h"], {});
    await said(waiting, "waits for its input until");
    waiting.child.kill("SIGINT");
    expect((await waiting.finished).status).toBe(130);

    const spec = readFileSync(project.spec, "utf8").replace(
      "key:",
      "wait_for: { timeout: 1h, poll: 1s }, key:",
    );
    writeFileSync(project.spec, spec);
    const range = ["--from", "2025-01-01", "--to", "2025-01-03"];
    const backfill = startNightshift(project.cwd, ["backfill", "daily", ...range], {});
    await said(backfill, "2025-01-02 waits for its input until");
    project.writeDay("2025-01-02");
    expect((await backfill.finished).status).toBe(0);
    expect(await keysIn(project.out)).toHaveLength(3 * project.rowsADay);
  });
});
