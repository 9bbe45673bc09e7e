// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a nasty name
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exitCodeOf, NightshiftError, toErrorRecord } from "../../src/errors.js";
import { type ConnectionUrl, parseTableName } from "../../src/job/connection.js";
import { findTable, readTable } from "../../src/postgres/catalogue.js";
import { type Database, inTransaction, openDatabase } from "../../src/postgres/database.js";
import { quoteName, quoteNames, quoteTable, quoteText } from "../../src/postgres/identifiers.js";
import { openSession, type Session } from "../../src/postgres/session.js";
import { connectionUrl } from "../../src/wiring/resolve-connection.js";
import { cuttingProxy } from "../support/cutting-proxy.js";
import { failure } from "../support/failure.js";
import {
  createDatabase,
  type PostgresServer,
  serverVersion,
  startServer,
  type TestDatabase,
} from "../support/postgres-server.js";

const urlOf = (text: string): ConnectionUrl => connectionUrl(text, { environment: {} }, "it");
const options = { role: "test", retryDelaysMs: [20, 20], maxSessions: 2 };
const openings: Database[] = [];

function open(url: string): Database {
  const database = openDatabase(urlOf(url), options);
  openings.push(database);
  return database;
}

let test: TestDatabase;
beforeAll(async () => {
  console.log(`PostgreSQL ${await serverVersion()}`);
  test = await createDatabase();
});
afterAll(async () => {
  await Promise.all(openings.map((database) => database.close()));
  await test.drop();
});

describe("the catalogue", () => {
  it("reports a table's columns, types, keys and size", async () => {
    await test.query(`
      create type mood as enum ('sad', 'ok');
      create domain score as real check (value >= 0);
      create schema app;
      create table app."Users" (
        id int8 not null, region text, at timestamptz(3), price numeric(10, 2) not null default 0,
        tags text[], "mood of day" mood, p score, doubled int8 generated always as (id * 2) stored,
        gone int, primary key (region, id));
      alter table app."Users" drop column gone;
      create unique index on app."Users" (id) include (at);
      create unique index on app."Users" (price) where price > 0;
      insert into app."Users" (id, region) select n, 'x' from generate_series(1, 1000) n;
      analyze app."Users"`);
    await open(test.url).use(async (session) => {
      const table = await readTable(session, { schema: "app", name: "Users" });
      expect(table).toMatchObject({
        name: { schema: "app", name: "Users" },
        kind: "table",
        primaryKey: ["region", "id"],
        uniqueKeys: [["region", "id"], ["id"]],
        estimatedRows: 1000,
      });
      expect(table.blocks).toBeGreaterThan(1);
      expect(table.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
        "id bigint",
        "region text",
        "at timestamp(3) with time zone",
        "price numeric(10,2)",
        "tags text[]",
        "mood of day mood",
        "p score",
        "doubled bigint",
      ]);
      const [id, , , price, tags, mood, p, doubled] = table.columns;
      expect(id).toMatchObject({
        notNull: true,
        hasDefault: false,
        generated: false,
        elementOid: 0,
        typeOid: 20,
      });
      expect(price).toMatchObject({ notNull: true, hasDefault: true });
      expect(tags).toMatchObject({ elementOid: 25, typeName: "_text" });
      expect(mood).toMatchObject({ typeKind: "e" });
      expect(p).toMatchObject({ typeKind: "d", elementOid: 700 });
      expect(doubled).toMatchObject({ generated: true });
    });
  });

  it("follows the search path where no schema is named, and suggests what is near", async () => {
    await test.query('create table if not exists plain (x int); create view "seen" as select 1 as x');
    await open(test.url).use(async (session) => {
      expect(await findTable(session, { schema: null, name: "plain" })).toMatchObject({
        name: { schema: "public" },
      });
      expect(await findTable(session, { schema: null, name: "seen" })).toMatchObject({
        kind: "view",
        primaryKey: null,
      });
      expect(await findTable(session, { schema: null, name: "PLAIN" })).toBeNull();
      const error = await failure(readTable(session, { schema: null, name: "plan" }));
      expect(error).toMatchObject({ code: "postgres.no-such-table", hint: "Did you mean plain?" });
      expect(exitCodeOf(error)).toBe(2);
    });
  });
});

describe("names and texts", () => {
  const names = [
    'a"b',
    'a""; drop table x; --',
    "select",
    " ",
    "Ünïcode ✓ 🙂",
    "a.b",
    "new\nline\ttab",
    "back\\slash",
    "'quote'",
    "$1",
    "${x}",
    "ٱلْعَرَبِيَّة",
    "\u202e\u0001",
    "x".repeat(63),
  ];

  it("reach the server as they are", async () => {
    const database = open(test.url);
    for (const [index, name] of names.entries()) {
      const schema = `${index} "s`;
      await database.query(`create schema ${quoteName(schema)}`);
      await database.query(
        `create table ${quoteTable({ schema, name })} (${quoteName(name)} int primary key)`,
      );
      const table = await database.use((session) => readTable(session, { schema, name }));
      expect(table).toMatchObject({ name: { schema, name }, primaryKey: [name] });
    }
    const all = await database.query(
      `select ${names.map((_, index) => `${index} as ${quoteName(names[index] ?? "")}`)}`,
    );
    expect(Object.keys(all.rows[0] ?? {})).toEqual(names);
    const some = ["id", 'a"b'];
    expect((await database.query(`select * from (values (1, 2)) v(${quoteNames(some)})`)).rows).toEqual([
      { id: 1, 'a"b': 2 },
    ]);
    for (const text of [...names, "\\", "it's \\' all"]) {
      const { rows } = await database.query<{ text: string }>(`select ${quoteText(text)} as text`);
      expect(rows).toEqual([{ text }]);
    }
  });

  it("are refused where the server would change them", () => {
    for (const name of ["", "a\0b", "x".repeat(64), "é".repeat(32)])
      expect(() => quoteName(name)).toThrow(NightshiftError);
    expect(() => quoteText("a\0")).toThrow(NightshiftError);
    expect(parseTableName("é".repeat(32))).toBeNull();
  });
});

describe("sessions and transactions", () => {
  it("are limited to a number at once, and reused", async () => {
    const database = open(test.url);
    let now = 0;
    let most = 0;
    const pids = await Promise.all(
      Array.from({ length: 8 }, () =>
        database.use(async (session) => {
          now += 1;
          most = Math.max(most, now);
          const { rows } = await session.query<{ pid: number }>("select pg_backend_pid() as pid");
          await session.query("select pg_sleep(0.01)");
          now -= 1;
          return rows[0]?.pid;
        }),
      ),
    );
    expect(most).toBe(2);
    expect(new Set(pids).size).toBe(2);
  });

  it("are undone by an error, and keep dates and big numbers as they are written", async () => {
    const database = open(test.url);
    await database.query("create table kept (x int)");
    const error = await failure(
      database.transaction(async (session) => {
        await session.query("insert into kept values (1)");
        throw new Error("enough");
      }),
    );
    expect(error.message).toContain("enough");
    await database.transaction(async (session) => session.query("insert into kept values (2)"));
    const own = await openSession(urlOf(test.url), options);
    await inTransaction(own, () => own.query("insert into kept values (3)"), {}, database.address);
    expect(await failure(inTransaction(own, () => own.query("selec"), {}, database.address))).toMatchObject({
      code: "postgres.syntax",
    });
    await inTransaction(own, () => own.query("delete from kept where x = 3"), {}, database.address);
    await own.end();
    const { rows } = await database.query(
      `select array_agg(x) as x, 9007199254740993 as big, date '0044-03-15 BC' as date,
              timestamp '2026-01-01 00:00:00.123456' as at from kept`,
    );
    expect(rows).toEqual([
      { x: [2], big: "9007199254740993", date: "0044-03-15 BC", at: "2026-01-01 00:00:00.123456" },
    ]);
  });

  it.each([
    ["delivered", 1],
    ["lost", 0],
  ] as const)("say so if the outcome of a COMMIT that was %s is unknown", async (kind, rows) => {
    const direct = urlOf(test.url);
    const proxy = await cuttingProxy(direct);
    const through = new URL(test.url);
    through.host = `127.0.0.1:${proxy.port}`;
    const database = open(through.href);
    await test.query(`create table answered_${kind} (x int)`);
    // With its end: `read committed` has it too.
    proxy.cutAt("commit\0", kind);
    const error = await failure(
      database.transaction((session) => session.query(`insert into answered_${kind} values (1)`)),
    );
    expect(error).toMatchObject({ code: "infra.commit-unknown", retryable: true });
    expect(proxy.cuts()).toBe(1);
    expect(await test.query(`select * from answered_${kind}`)).toHaveLength(rows);
    // The next one gets a session that works.
    expect((await database.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await proxy.close();
  });

  it("end with what the server was doing when it ended them", async () => {
    const database = open(test.url);
    const other = open(test.url);
    const cut = failure(
      database.use(async (session) => {
        const { rows } = await session.query<{ pid: number }>("select pg_backend_pid() as pid");
        setTimeout(() => void other.query("select pg_terminate_backend($1)", [rows[0]?.pid]), 50);
        await session.query("select pg_sleep(10)");
      }, "waiting"),
    );
    expect(await cut).toMatchObject({ code: "infra.connection-lost", retryable: true });
    expect((await database.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });
});

describe("errors of the server", () => {
  const doing = "testing";
  it.each([
    ["select * from nowhere", "postgres.no-such-table", 2],
    ["select nothing", "postgres.no-such-column", 2],
    ["selec 1", "postgres.syntax", 2],
    ["set transaction read only; create table ro (x int)", "infra.read-only", 1],
    ["set statement_timeout = 10; select pg_sleep(5)", "infra.statement-stopped", 1],
    [
      "create temp table n (x int not null, secret text); insert into n values (null, 'kanari')",
      "data.constraint",
      1,
    ],
    [
      "create temp table u (x text primary key); insert into u values ('kanari'), ('kanari')",
      "data.constraint",
      1,
    ],
    ["select 'kanari'::int", "data.database-value", 1],
    ["select cast('kanari' as date)", "data.database-value", 1],
  ])("%s", async (sql, code, exitCode) => {
    const error = await failure(open(test.url).query(sql, [], doing));
    expect(error.code).toBe(code);
    expect(exitCodeOf(error)).toBe(exitCode);
    expect(error.message).toContain("while testing");
    expect(JSON.stringify(toErrorRecord(error))).not.toContain("kanari");
  });

  it.each([
    ["idle_session_timeout", "57P05", "infra.connection-lost", false, "select 1", 400],
    ["idle_in_transaction_session_timeout", "25P03", "infra.connection-lost", true, "select 1", 400],
    ["statement_timeout", "57014", "infra.statement-stopped", false, "select pg_sleep(5)", 0],
    ["transaction_timeout", "25P04", "infra.statement-stopped", true, "select pg_sleep(5)", 0],
  ] as const)(
    "%s of a role: the error names the setting, which helps",
    async (setting, sqlstate, code, isInside, sql, idleMs) => {
      const known = await test.query("select 1 from pg_settings where name = $1", [setting]);
      // idle_session_timeout came with PostgreSQL 14, transaction_timeout with 17.
      if (known.length === 0) return;
      const database = open(test.url);
      const work = async (session: Session): Promise<void> => {
        await session.query(`set ${setting} = 100`);
        if (isInside) await session.query("begin");
        if (idleMs > 0) await new Promise((resolve) => session.once("error", resolve));
        await session.query(sql);
      };
      const error = await failure(database.use(work, doing));
      expect(error).toMatchObject({ code, details: { sqlstate } });
      expect(error.hint).toContain(`set ${setting} = 0`);
    },
  );

  it("a lock of another session", async () => {
    const database = open(test.url);
    await database.query("create table locked (x int)");
    const error = await failure(
      database.transaction(async (session) => {
        await session.query("lock table locked");
        await database.transaction((other) => other.query("select * from locked"), { lockTimeoutMs: 50 });
      }),
    );
    expect(error).toMatchObject({ code: "infra.locked", retryable: true });
  });
});

describe("a server that one cannot get into", () => {
  let server: PostgresServer;
  let certificates: string;

  beforeAll(async () => {
    certificates = makeCertificates();
    server = await startServer({
      tls: { certificate: read("localhost.crt"), key: read("localhost.key") },
      access: [
        "hostssl all bound 127.0.0.1/32 scram-sha-256",
        "host all asked 127.0.0.1/32 scram-sha-256",
        "hostnossl all tls 127.0.0.1/32 reject",
        "hostssl all tls 127.0.0.1/32 trust",
      ],
      settings: { superuser_reserved_connections: "2", max_connections: "6", max_wal_senders: "0" },
    });
    await open(server.url()).query(
      `create role asked login password 'kanari/?#@'; create role bound login password 'kanari'; create role tls login;
       create role outsider login nosuperuser; create table private (x int)`,
    );
  });
  afterAll(async () => {
    await server.remove();
    rmSync(certificates, { recursive: true });
  });

  const read = (name: string) => readFileSync(join(certificates, name), "utf8");
  const as = (user: string, query = "", host = "127.0.0.1") =>
    `postgres://${user}@${host}:${server.port}/postgres${query === "" ? "" : `?${query}`}`;
  const tlsOf = async (url: string): Promise<boolean | undefined> => {
    const database = open(url);
    const { rows } = await database.query<{ ssl: boolean }>(
      "select ssl from pg_stat_ssl where pid = pg_backend_pid()",
    );
    await database.close();
    return rows[0]?.ssl;
  };

  it("lets in with the right password, and says whose fault another one is, without saying it", async () => {
    const password = encodeURIComponent("kanari/?#@");
    expect(await tlsOf(as(`asked:${password}`))).toBe(true);
    for (const url of [as("asked:kanarix"), as("asked"), as("nobody:kanarix")]) {
      const error = await failure(openSession(urlOf(url.replace("nobody", "asked")), options));
      expect(error).toMatchObject({ code: "infra.authentication", retryable: false });
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("kanari");
    }
  });

  it("is found in its socket, and by other names that lead to it", async () => {
    const socket = `postgres:///postgres?user=postgres&host=${server.directory}/socket&port=${server.port}`;
    expect(await tlsOf(socket)).toBe(false);
    expect(await tlsOf(as("postgres", "sslmode=require", "localhost"))).toBe(true);
  });

  it.each([
    ["sslmode=disable", false],
    ["", true],
    ["sslmode=prefer", true],
    ["sslmode=require", true],
    ["sslmode=require&sslrootcert=CA", true],
    ["sslmode=verify-ca&sslrootcert=CA", true],
    ["sslmode=verify-full&sslrootcert=CA", true],
    ["sslmode=require&sslrootcert=OTHER", "infra.tls"],
    ["sslmode=verify-ca&sslrootcert=OTHER", "infra.tls"],
    ["sslmode=verify-ca", "infra.tls"],
    ["sslmode=verify-full&sslrootcert=NOWHERE", "infra.tls"],
  ])("%s", async (query, expected) => {
    const files = { CA: "ca.crt", OTHER: "other.crt", NOWHERE: "nowhere.crt" };
    const written = query.replace(/CA$|OTHER|NOWHERE/, (name) =>
      join(certificates, files[name as keyof typeof files]),
    );
    const url = as("postgres", written, "localhost");
    if (typeof expected === "boolean") expect(await tlsOf(url)).toBe(expected);
    else
      expect(await failure(openSession(urlOf(url), options))).toMatchObject({
        code: expected,
        retryable: false,
      });
  });

  it("is checked by name under verify-full alone", async () => {
    const root = `sslrootcert=${join(certificates, "ca.crt")}`;
    // The certificate is for localhost.
    expect(await tlsOf(as("postgres", `sslmode=verify-ca&${root}`))).toBe(true);
    const error = await failure(openSession(urlOf(as("postgres", `sslmode=verify-full&${root}`)), options));
    expect(error).toMatchObject({ code: "infra.tls" });
  });

  it("binds the password to its certificate where that is asked for", async () => {
    expect(await tlsOf(as("bound:kanari", "sslmode=require&channel_binding=require"))).toBe(true);
    const unbound = as("postgres", "sslmode=require&channel_binding=require");
    expect(await failure(openSession(urlOf(unbound), options))).toMatchObject({ code: "infra.tls" });
  });

  it("reports what is not allowed, not there, or full", async () => {
    expect(await failure(open(as("outsider")).query("select * from private"))).toMatchObject({
      code: "infra.permission",
    });
    expect(
      await failure(openSession(urlOf(as("postgres").replace(/postgres$/, "nowhere")), options)),
    ).toMatchObject({
      code: "infra.no-database",
    });
    const taken: Session[] = [];
    let error: NightshiftError | null = null;
    while (error === null)
      await openSession(urlOf(as("outsider")), options).then(
        (session) => taken.push(session),
        (thrown: NightshiftError) => {
          error = thrown;
        },
      );
    expect(error).toMatchObject({
      code: "infra.too-many-connections",
      retryable: true,
      details: { tries: 3 },
    });
    for (const session of taken) await session.end();
  });

  it("comes back after a crash, and a session that is asked for meanwhile waits for it", async () => {
    const database = open(server.url());
    await database.query("create table survives (x int); insert into survives values (1)");
    await server.stop("immediate");
    const waiting = openSession(urlOf(server.url()), { role: "test", retryDelaysMs: Array(100).fill(100) });
    await server.start();
    await (await waiting).end();
    expect((await database.query("select * from survives")).rows).toEqual([{ x: 1 }]);
  });
});

describe("a server that does not answer", () => {
  it("is unreachable after some tries, with exit code 3", async () => {
    for (const url of [
      "postgres://me:kanari@127.0.0.1:1/d",
      "postgres://me:kanari@no-such-host.invalid/d",
      "postgres:///d?host=/nowhere&password=kanari",
    ]) {
      const error = await failure(openSession(urlOf(url), options));
      expect(error).toMatchObject({ code: "infra.unreachable", retryable: true, details: { tries: 3 } });
      expect(exitCodeOf(error)).toBe(3);
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("kanari");
    }
  });

  it.each([
    ["says nothing", () => undefined],
    ["hangs up", (socket: { destroy(): void }) => socket.destroy()],
  ])("or that %s", async (_, greet) => {
    const server: Server = createServer((socket) => {
      socket.on("error", () => undefined);
      greet(socket);
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const url = urlOf(`postgres://me@127.0.0.1:${port}/d?connect_timeout=1&sslmode=disable`);
    const error = await failure(openSession(url, { role: "test", retryDelaysMs: [10] }));
    expect(error).toMatchObject({ code: "infra.unreachable" });
    server.close();
  });

  it("is abandoned at once when the caller asks to stop", async () => {
    const stop = new AbortController();
    const url = urlOf("postgres://me@127.0.0.1:1/d");
    const opening = failure(openSession(url, { role: "test", retryDelaysMs: [60_000], signal: stop.signal }));
    setTimeout(() => stop.abort(), 20);
    expect(await opening).toMatchObject({ code: "cancelled" });
  });
});

/** A root, a certificate for `localhost` by it, and another root, in a directory. */
function makeCertificates(): string {
  const directory = mkdtempSync(join(tmpdir(), "nightshift-certificates-"));
  const openssl = (...words: string[]) => execFileSync("openssl", words, { cwd: directory, stdio: "pipe" });
  for (const name of ["ca", "other"])
    openssl(
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.crt`,
    );
  openssl(
    "req",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-subj",
    "/CN=localhost",
    "-keyout",
    "localhost.key",
    "-out",
    "localhost.csr",
  );
  writeFileSync(join(directory, "names"), "subjectAltName = DNS:localhost\n");
  openssl(
    "x509",
    "-req",
    "-in",
    "localhost.csr",
    "-CA",
    "ca.crt",
    "-CAkey",
    "ca.key",
    "-CAcreateserial",
    "-days",
    "2",
    "-extfile",
    "names",
    "-out",
    "localhost.crt",
  );
  return directory;
}
