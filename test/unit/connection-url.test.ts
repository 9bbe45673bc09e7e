/**
 * URLs of databases that are easily read wrongly. Expected values are libpq's, except for two: a `%` that
 * begins no code stands for itself, and the host is `localhost` if none is given.
 */
import { describe, expect, test } from "vitest";
import { isBadUrl, parseConnectionUrl } from "../../src/job/connection.js";

function read(text: string): readonly unknown[] {
  const url = parseConnectionUrl(text);
  if (isBadUrl(url)) throw new Error(url.failure);
  return [url.user, url.password(), url.host, url.port, url.database];
}

describe("read as libpq reads them", () => {
  test.each([
    ["postgres://u:p%40s%2Fw%3F%23@h:5433/db", ["u", "p@s/w?#", "h", 5433, "db"]],
    ["postgres://u:100%@h/db", ["u", "100%", "h", 5432, "db"]],
    ["postgres://u:%2541@h/db", ["u", "%41", "h", 5432, "db"]],
    ["postgres://h/db?user=x&password=%2541%26y", ["x", "%41&y", "h", 5432, "db"]],
    ["postgres://u:a+b@h/db", ["u", "a+b", "h", 5432, "db"]],
    ["postgres://h/db?password=a+b", [null, "a+b", "h", 5432, "db"]],
    ["postgres://u:p@h/a%23b%2Fc", ["u", "p", "h", 5432, "a#b/c"]],
    ["postgres://u:p@[::1]:5433/db", ["u", "p", "::1", 5433, "db"]],
    ["postgres://h/db?host=[::1]", [null, null, "::1", 5432, "db"]],
    ["postgres://u:p@%2Fvar%2Frun/db", ["u", "p", "/var/run", 5432, "db"]],
    ["postgres://u:p@/db?host=/var/run/pg", ["u", "p", "/var/run/pg", 5432, "db"]],
    ["postgres://u@/db", ["u", null, "localhost", 5432, "db"]],
    ["postgres:///db?host=/var/run/pg&port=6000", [null, null, "/var/run/pg", 6000, "db"]],
  ])("%s", (text, parts) => {
    expect(read(text)).toEqual(parts);
  });
});

describe("refused, and no password is in the refusal", () => {
  test.each([
    "postgres://u:se-cret@h1,h2/db",
    "postgres://u:se-cret@h1:5432,h2:5433/db",
    "postgres://u:se-cret@h/db?host=h1,h2",
    "postgres://u:se-cret@h/db?host=h1%2Ch2",
    "postgres://u:se-cret@h/db?port=5432,5433",
    "postgres://u:se-cret@h:99999/db",
    "postgres://u:se-cret@h/db?sslmode=allow",
    "postgres://u:se-cret@h/db?__proto__=1",
    "postgres://u:se-cret@h/db?hostaddr=127.0.0.1",
    "postgres://u:se-cret@h/",
    "postgres://u:se/cret@h/db",
  ])("%s", (text) => {
    const url = parseConnectionUrl(text);
    if (!isBadUrl(url)) throw new Error(`accepted: ${url.address}`);
    expect(url.failure + url.suggestion).not.toMatch(/se-?cret/);
  });
});
