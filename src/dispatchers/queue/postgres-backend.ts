/**
 * BullMQ on PostgreSQL: its own tables in the schema `nightshift_queue`, created by
 * `nightshift migrate --queue`.
 */
import { createPostgresBackend, runMigrations, SchemaMigrationRequiredError, withBackend } from "bullmq";
import { SpecError } from "../../errors.js";
import type { ConnectionUrl } from "../../job/connection.js";
import { postgresError } from "../../postgres/postgres-errors.js";
import { clientConfig, HeardClient, openSession, speaksTls } from "../../postgres/session.js";
import { tlsOf } from "../../postgres/tls.js";
import { queueRefused, queueUnready } from "../refusals.js";
import { type Backend, receiverOptions, usualAnswerMs, usualLockMs } from "./bullmq-queue.js";

const schema = "nightshift_queue";
const role = "queue";
/** Sessions for each channel. */
const maxSessions = 2;

/**
 * @param lockMs a message whose worker is gone is delivered again after this time
 * @param answerMs a connection that is silent for longer is replaced
 * @throws SpecError `postgres.not-migrated`; InfraError `infra.unreachable` after several tries, and others
 */
export async function postgresBackend(
  url: ConnectionUrl,
  lockMs: number = usualLockMs,
  answerMs: number = usualAnswerMs,
): Promise<Backend> {
  const session = await openSession(url, { role });
  const isProtected = speaksTls(session);
  await session.end();
  const config = {
    ...clientConfig(url, role, isProtected ? tlsOf(url) : null),
    max: maxSessions,
    schema,
    query_timeout: answerMs,
    Client: HeardClient,
  };
  const { Queue, Worker } = withBackend(createPostgresBackend);
  const first = new Queue("any", { connection: config, skipMetasUpdate: true });
  first.on("error", () => undefined);
  try {
    await first.waitUntilReady();
  } catch (thrown) {
    if (thrown instanceof SchemaMigrationRequiredError) throw notMigrated(url, thrown);
    throw postgresError(thrown, { address: url.address });
  } finally {
    await first.close().catch(() => undefined);
  }
  return {
    place: url.address,
    lockMs,
    async check() {},
    explain: async (error) => refusal(error, url) ?? error,
    sender: (name) => new Queue(name, { connection: config, skipMetasUpdate: true }),
    receiver: (name) => new Worker(name, null, { connection: config, ...receiverOptions(lockMs) }),
    async close() {},
  };
}

/** Creates the queue's tables or updates them. May be repeated. */
export async function migrateQueue(url: ConnectionUrl): Promise<void> {
  const session = await openSession(url, { role });
  try {
    await runMigrations(session, schema);
  } catch (thrown) {
    throw postgresError(thrown, { address: url.address, doing: "making the queue's tables" });
  } finally {
    await session.end().catch(() => undefined);
  }
}

/** Errors that waiting does not resolve: the schema or a privilege is missing. */
const lasting = /^(42501|42P01|42883|42704|3F000|3D000|28...)$/;

/**
 * @returns `null` if it is not an answer of the server, or one that ends the connection, which is then
 * restored
 */
function refusal(thrown: Error, url: ConnectionUrl): Error | null {
  const { address } = url;
  if (thrown instanceof SchemaMigrationRequiredError) {
    const { message, hint = "" } = notMigrated(url, thrown);
    return queueRefused(message, { hint, cause: thrown });
  }
  const error = postgresError(thrown, { address, doing: "using the queue" });
  const { sqlstate } = error.details;
  if (typeof sqlstate !== "string" || /^(08|57P)/.test(sqlstate)) return null;
  const isGone = /^(42P01|42883|42704|3F000)$/.test(sqlstate);
  const hint = isGone ? "Run `nightshift migrate --queue URL` with the URL of the queue." : error.hint;
  const options = { details: error.details, cause: thrown, ...(hint === undefined ? {} : { hint }) };
  return lasting.test(sqlstate) ? queueRefused(error.message, options) : queueUnready(error.message, options);
}

function notMigrated({ address }: ConnectionUrl, cause: Error): SpecError {
  return new SpecError("postgres.not-migrated", `${address} has no tables for a queue.`, {
    hint: "Run `nightshift migrate --queue URL` with the URL of the queue, as a role with CREATE on the database.",
    cause,
  });
}
