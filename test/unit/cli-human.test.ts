import { expect, test } from "vitest";
import { bytes, count, counted, duration, percent, rowRate, timeLeft } from "../../src/text/human.js";

test("counts", () => {
  expect(count(1_234_567)).toBe("1,234,567");
  expect([counted(0, "row"), counted(1, "row"), counted(2000, "row")]).toEqual([
    "0 rows",
    "1 row",
    "2,000 rows",
  ]);
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [999.6, "1.00 kB"],
  [1234, "1.23 kB"],
  [13_493_022, "13.5 MB"],
  [999_949_999, "1.00 GB"],
  [5e15, "5000 TB"],
])("%d bytes are %s", (value, text) => {
  expect(bytes(value)).toBe(text);
});

test.each([
  [0.424, "0.42 s"],
  [9.999, "10.0 s"],
  [59.94, "59.9 s"],
  [59.96, "1m 00s"],
  [185, "3m 05s"],
  [8040, "2h 14m"],
  [47 * 3600 + 3599, "47h 59m"],
  [9 * 86_400 + 4 * 3600, "9d 04h"],
  [9286 * 86_400, "9,286d 00h"],
])("%d seconds are %s", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test("rates, time left and parts", () => {
  expect([rowRate(870), rowRate(482_345), rowRate(1_204_000)]).toEqual([
    "870 rows/s",
    "482 k rows/s",
    "1.20 M rows/s",
  ]);
  expect([timeLeft(4.2), timeLeft(59.5), timeLeft(61)]).toEqual(["5s", "1m 00s", "1m 01s"]);
  expect([percent(0.999_99), percent(1)]).toEqual(["99%", "100%"]);
});
