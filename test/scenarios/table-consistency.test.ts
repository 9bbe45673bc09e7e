// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** All partitions see one state of a table, or continue from what was accepted, also after faults. */
import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cuttingProxy } from "../support/cutting-proxy.js";
import { keysBelow, keysIn } from "../support/flight-project.js";
import { jsonLinesOf, type RunLine } from "../support/nightshift.js";
import { startServer } from "../support/postgres-server.js";
import { flightsSql, flightsTable, tableProject } from "../support/table-project.js";

const rows = 10_000;
const flights = flightsTable(rows);

const sorted = (keys: readonly number[]) => [...keys].sort((a, b) => a - b);
const typesOf = (lines: readonly RunLine[]) => lines.map(({ type }) => type);

/** Runs, and does something once the first partition is accepted; the coordinator waits meanwhile. */
async function interrupted(
  argv: readonly string[],
  act: (child: ChildProcess) => Promise<void>,
): Promise<{
  readonly status: number | null;
  readonly lines: readonly RunLine[];
  readonly stderr: string;
}> {
  let acting: Promise<void> | null = null;
  const { finished } = flights.project.start([...argv, "--json"], {
    onEvent: ({ type }, child) => {
      if (type !== "partition.accepted" || acting !== null) return;
      child.kill("SIGSTOP");
      acting = act(child).finally(() => child.kill("SIGCONT"));
    },
  });
  const { status, stdout, stderr } = await finished;
  await acting;
  return { status, lines: jsonLinesOf({ stdout }), stderr };
}

const endHolder = async (): Promise<void> => {
  const held = await flights.database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = 'nightshift source' and datname = current_database() and state = 'idle in transaction'`,
  );
  expect(held.length).toBeGreaterThan(0);
};

describe("under `consistency: snapshot`", () => {
  it("rows that change during the run are not seen", async () => {
    const { status } = await interrupted(["run", "flights"], async () => {
      await flights.database.query(`
        insert into flights select g + 100000, 1, 1, 'ATL', 'MSY' from generate_series(1, 5000) g;
        delete from flights where flight_id % 2 = 0 and flight_id < 100000; update flights set flight_id = -flight_id;`);
    });
    expect(status).toBe(0);
    expect(sorted(await keysIn(flights.project.out))).toEqual(keysBelow(rows));
  });

  it("a snapshot that is lost begins a new generation, and says so", async () => {
    const { status, lines } = await interrupted(["run", "flights"], async () => {
      await endHolder();
      await flights.database.query(
        "delete from flights where flight_id >= 9000; insert into flights values (-1, 1, 1, 'ATL', 'MSY')",
      );
    });
    expect(status).toBe(0);
    const superseded = lines.find(({ type }) => type === "run.superseded");
    expect(superseded).toMatchObject({
      by: expect.stringMatching(/-g2$/),
      reason: expect.stringContaining("snapshot"),
    });
    expect(Number(superseded?.partitions)).toBeGreaterThan(0);
    expect(sorted(await keysIn(flights.project.out))).toEqual([-1, ...keysBelow(9000)]);
  });

  it("a coordinator that was killed leaves nothing to resume: run and retry start again", async () => {
    for (const next of [() => ["run", "flights"], (id: string) => ["retry", id]]) {
      let runId = "";
      const { finished } = flights.project.start(["run", "flights", "--json"], {
        onEvent: (event, child) => {
          if (event.type !== "partition.accepted") return;
          runId = String(event.runId);
          child.kill("SIGKILL");
        },
      });
      expect((await finished).status).not.toBe(0);
      await flights.database.query(
        "insert into flights select max(flight_id) + 1, 1, 1, 'ATL', 'MSY' from flights",
      );
      const again = flights.project.nightshift(...next(runId));
      expect(again).toMatchObject({
        status: 0,
        stderr: expect.stringContaining("reads the whole input again"),
      });
      const [{ count = 0 } = {}] = await flights.database.query<{ count: number }>(
        "select count(*)::int4 from flights",
      );
      expect(sorted(await keysIn(flights.project.out))).toEqual(keysBelow(count));
    }
  });
});

describe("a run that broke off", () => {
  it.each(["materialize", "none"])(
    "goes on under `consistency: %s`, with what was accepted",
    async (consistency) => {
      flights.project.writeJob({ input: `table: flights, consistency: ${consistency}` });
      const { finished } = flights.project.start(["run", "flights", "--json"], {
        onEvent: ({ type }, child) => void (type === "partition.accepted" && child.kill("SIGKILL")),
      });
      const killed = jsonLinesOf(await finished);
      const accepted = typesOf(killed).filter((type) => type === "partition.accepted").length;
      expect(accepted).toBeLessThan(20);
      if (consistency === "materialize")
        await flights.database.query("delete from flights where flight_id % 2 = 0");
      const again = flights.project.nightshift("run", "flights", "--json");
      expect(again.status).toBe(0);
      const lines = jsonLinesOf(again);
      expect(lines.some(({ type }) => type === "run.superseded")).toBe(false);
      expect(typesOf(lines).filter((type) => type === "partition.accepted").length).toBeLessThanOrEqual(
        20 - accepted,
      );
      expect(sorted(await keysIn(flights.project.out))).toEqual(keysBelow(rows));
      expect(
        await flights.database.query("select from pg_tables where schemaname = 'nightshift_input'"),
      ).toEqual([]);
    },
  );
});

describe("a connection that breaks", () => {
  it("while rows are read is made again, and no row is lost or doubled", async () => {
    const { hostname, port } = new URL(flights.database.url);
    const proxy = await cuttingProxy({ host: hostname, port: Number(port) });
    const url = new URL(flights.database.url);
    url.host = `127.0.0.1:${proxy.port}`;
    const through = tableProject(url.href, { input: "table: flights, consistency: none" });
    try {
      const { finished } = through.start(["run", "flights", "--json"], {
        onEvent: ({ type }) => {
          if (type === "partition.accepted" && proxy.cuts() < 2) proxy.cutAt('select "', "delivered");
        },
      });
      const { status, stdout } = await finished;
      expect(status).toBe(0);
      expect(proxy.cuts()).toBeGreaterThan(0);
      const failed = jsonLinesOf({ stdout }).filter(({ type }) => type === "partition.failed");
      expect(failed[0]).toMatchObject({ next: "pending", error: { code: "infra.connection-lost" } });
      expect(sorted(await keysIn(through.out))).toEqual(keysBelow(rows));
    } finally {
      through.remove();
      await proxy.close();
    }
  });
});

describe("a server that crashes during a run", () => {
  it.each([
    ["snapshot", true],
    ["materialize", false],
  ])("and comes back: under `%s` the run ends by itself, begun anew: %s", async (consistency, anew) => {
    const server = await startServer();
    const crashed = await server.createDatabase();
    await crashed.query(flightsSql(rows));
    flights.replaceProject(crashed.url, { input: `table: flights, consistency: ${consistency}` });
    try {
      const { status, lines } = await interrupted(["run", "flights"], () =>
        server.restart({ mode: "immediate" }),
      );
      expect(status).toBe(0);
      expect(lines.some(({ type }) => type === "run.superseded")).toBe(anew);
      expect(sorted(await keysIn(flights.project.out))).toEqual(keysBelow(rows));
    } finally {
      await server.remove();
    }
  });
});

describe("a password", () => {
  it("is in no output, no file of the run and no error", async () => {
    const canary = "kanarienvogel-7f3a";
    const url = new URL(flights.database.url);
    url.password = canary;
    flights.replaceProject(url.href, { partitionRows: 5000 });
    const run = ["run", "flights", "--json", "-v"];
    const good = flights.project.nightshift(...run);
    expect(good.status).toBe(0);
    await flights.database.query("alter table flights rename column origin to from_where");
    const bad = flights.project.nightshift(...run, "--reprocess");
    expect(bad.status).not.toBe(0);
    const files = readdirSync(flights.project.cwd, {
      recursive: true,
      withFileTypes: true,
      encoding: "utf8",
    });
    const written = files
      .filter((file) => file.isFile())
      .map((file) => readFileSync(join(file.parentPath, file.name), "latin1"));
    expect(written.some((text) => text.includes("${FLIGHTS_URL}"))).toBe(true);
    for (const text of [good.stdout, good.stderr, bad.stdout, bad.stderr, ...written])
      expect(text).not.toContain(canary);
  });
});
