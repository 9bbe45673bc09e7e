// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named
/** From a table of PostgreSQL to published Parquet files, by the command line. */
import { describe, expect, it } from "vitest";
import { cuttingProxy } from "../support/cutting-proxy.js";
import { keysBelow, keysIn, rowsIn } from "../support/flight-project.js";
import { flightsTable, type TableJob, tableProject } from "../support/table-project.js";

const rows = 10_000;
const flights = flightsTable(rows);

const sorted = (keys: readonly number[]) => [...keys].sort((a, b) => a - b);

describe("a table", () => {
  it("is validated, planned, previewed, explained and scored", async () => {
    expect(flights.project.nightshift("validate")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/valid.*flights: about 10,000 rows in postgres:\/\/.*\/flights/),
    });
    expect(flights.project.nightshift("plan", "flights").stdout).toMatch(
      // PostgreSQL 13 finds no blocks.
      /would run(.|\n)*20 partitions(.|\n)*(blocks 0 to|flight_id)/,
    );
    const preview = JSON.parse(
      flights.project.nightshift("preview", "flights", "--limit", "3", "--json").stdout,
    );
    expect(preview.rows).toHaveLength(3);
    expect(flights.project.nightshift("explain", "flights").stdout).toContain("FLIGHTS_URL");
    const run = flights.project.nightshift("run", "flights");
    expect(run).toMatchObject({ status: 0, stderr: expect.stringContaining("10,000 predicted") });
    expect(await keysIn(flights.project.out)).toEqual(keysBelow(rows));
    const before = await rowsIn(flights.project.out);

    // The table may have changed, and nothing tells: what is there now replaces what was published.
    await flights.database.query(
      "update flights set distance = 5000 where flight_id = 7; delete from flights where flight_id = 8",
    );
    expect(flights.project.nightshift("plan", "flights").stdout).toContain(
      "would run, and replace publication 1",
    );
    expect(flights.project.nightshift("run", "flights").status).toBe(0);
    const after = new Map((await rowsIn(flights.project.out)).map((row) => [Number(row.flight_id), row]));
    expect(after.has(8)).toBe(false);
    expect(after.get(9)).toEqual(before[9]);
    expect(after.get(7)).not.toEqual(before[7]);
  });

  it("is inspected, by the name of its database's variable", () => {
    const { status, stdout } = flights.project.nightshift(
      "inspect",
      "${FLIGHTS_URL}",
      "--table",
      "flights",
      "--json",
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout).table).toMatchObject({
      name: "flights",
      rows,
      columns: [
        { name: "flight_id", type: "int64", nullable: false },
        { name: "distance", type: "float64", nullable: false },
        { name: "hour", type: "int64", nullable: true },
        { name: "origin", type: "string" },
        { name: "destination", type: "string" },
      ],
    });
    expect(flights.project.nightshift("inspect", "${FLIGHTS_URL}", "--table", "flights").stdout).toMatch(
      /about 10,000 rows/,
    );
    expect(flights.project.nightshift("inspect", "${NIX}", "--table", "flights")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("NIX"),
    });
  });

  it("is published once under `mode: error`, with a word about what may have changed", () => {
    flights.project.writeJob({ write: "{ to: ../out }" });
    expect(flights.project.nightshift("run", "flights").status).toBe(0);
    const again = flights.project.nightshift("run", "flights");
    expect(again).toMatchObject({ status: 0, stderr: expect.stringContaining("already published") });
    expect(again.stderr).toContain("may have changed since");
  });

  it("is read as it is when a plan that was kept is run", async () => {
    expect(flights.project.nightshift("plan", "flights", "--out", "plan.json").status).toBe(0);
    await flights.database.query("delete from flights where flight_id >= 9000");
    expect(flights.project.nightshift("run", "plan.json").status).toBe(0);
    expect(sorted(await keysIn(flights.project.out))).toEqual(keysBelow(9000));
  });

  it("that is not there is a mistake, and a server that is not there is none", async () => {
    flights.project.writeJob({ input: "table: flihgts" });
    const wrong = flights.project.nightshift("run", "flights");
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain("Did you mean flights?");
    const away = await cuttingProxy({ host: "127.0.0.1", port: 1 });
    await away.close();
    const url = new URL(flights.database.url);
    url.port = String(away.port);
    const elsewhere = tableProject(url.href);
    try {
      expect(elsewhere.nightshift("run", "flights")).toMatchObject({
        status: 3,
        stderr: expect.stringContaining("cannot be reached"),
      });
    } finally {
      elsewhere.remove();
    }
  });

  it("without rows fails, is skipped or published, as the job says", async () => {
    await flights.database.query("truncate flights");
    expect(flights.project.nightshift("run", "flights")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("no rows"),
    });
    flights.project.writeJob({ input: "table: flights, on_empty: skip" });
    expect(flights.project.nightshift("run", "flights")).toMatchObject({
      status: 0,
      stderr: expect.stringContaining("skip"),
    });
    flights.project.writeJob({ input: "table: flights, on_empty: publish" });
    expect(flights.project.nightshift("run", "flights").status).toBe(0);
    expect(await keysIn(flights.project.out)).toEqual([]);
  });
});

describe("a query", () => {
  it("gets the interval as a parameter", async () => {
    const job: TableJob = {
      input: 'query: "select * from flights where hour = extract(day from $1::date)", params: ["{{ ds }}"]',
      write: "{ to: ../out, mode: append }",
      more: ["intervals: { every: day }"],
    };
    flights.project.writeJob(job);
    expect(flights.project.nightshift("run", "flights", "--at", "2026-01-05").status).toBe(0);
    expect(flights.project.nightshift("run", "flights", "--at", "2026-01-06").status).toBe(0);
    // An interval's rows are what they were.
    expect(flights.project.nightshift("run", "flights", "--at", "2026-01-06").stderr).toContain(
      "already published",
    );
    const keys = sorted(await keysIn(flights.project.out));
    expect(keys).toEqual(keysBelow(rows).filter((key) => key % 24 === 5 || key % 24 === 6));
  });
});
