import { expect, test } from "vitest";
import { parseListen, refuseUnguarded } from "../../src/api/listen.js";

test.each([
  ["127.0.0.1:8080", { host: "127.0.0.1", port: 8080 }],
  ["[::1]:0", { host: "::1", port: 0 }],
  ["LOCALHOST:80", { host: "localhost", port: 80 }],
  ["scoring.internal:65535", { host: "scoring.internal", port: 65_535 }],
  ["none", null],
])("%s", (text, address) => {
  expect(parseListen(text)).toEqual(address);
});

test.each([
  "",
  "8080",
  ":8080",
  "localhost",
  "localhost:",
  "[::1]",
  "::1:80",
  "a:65536",
  "http://a:80",
  "u@a:80",
  "a b:80",
])("%j is no address", (text) => {
  expect(() => parseListen(text)).toThrow(expect.objectContaining({ code: "usage.listen" }));
});

const token = "0123456789abcdef";

test.each(["127.0.0.1", "127.9.9.9", "::1", "localhost"])("%s needs no token", (host) => {
  refuseUnguarded({ host, port: 1 }, null);
});

test.each(["0.0.0.0", "::", "10.0.0.1", "scoring.internal", "localhost.evil.example", "1270.0.0.1"])(
  "%s needs one",
  (host) => {
    expect(() => refuseUnguarded({ host, port: 1 }, null)).toThrow(
      expect.objectContaining({ code: "usage.no-token", hint: expect.stringContaining("TLS") }),
    );
    refuseUnguarded({ host, port: 1 }, token);
  },
);

test.each(["short", "0123456789abcde", "0123456789 abcdef", "0123456789abcdé0"])("%j is no token", (weak) => {
  expect(() => refuseUnguarded({ host: "::1", port: 1 }, weak)).toThrow(
    expect.objectContaining({ code: "usage.weak-token" }),
  );
});
