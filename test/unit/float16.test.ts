/** Halves, all of them, and the numbers between them. */
import { expect, test } from "vitest";
import { doubleToHalf, halfToDouble } from "../../src/data/float16.js";

const infinity = 0x7c00;
const bits = Array.from({ length: infinity }, (_, half) => half);

test("every half is itself again, with its sign", () => {
  const back = bits.map((half) => doubleToHalf(halfToDouble(half)));
  expect(back).toEqual(bits);
  const negative = bits.map((half) => doubleToHalf(halfToDouble(half | 0x8000)));
  expect(negative).toEqual(bits.map((half) => half | 0x8000));
  expect([1 / 0, -1 / 0].map(doubleToHalf)).toEqual([infinity, infinity | 0x8000]);
  expect(halfToDouble(doubleToHalf(Number.NaN))).toBeNaN();
});

test("numbers between two halves go to the nearer one, and from the middle to the even one", () => {
  const wrong = bits.filter((half) => {
    const low = halfToDouble(half);
    // What would come after the largest is where infinity begins.
    const high = half + 1 === infinity ? 65_536 : halfToDouble(half + 1);
    const middle = (low + high) / 2;
    const step = (high - low) * 2 ** -30;
    const even = half % 2 === 0 ? half : half + 1;
    return (
      doubleToHalf(middle) !== even ||
      doubleToHalf(middle - step) !== half ||
      doubleToHalf(middle + step) !== half + 1 ||
      doubleToHalf(-middle) !== (even | 0x8000)
    );
  });
  expect(wrong).toEqual([]);
});
