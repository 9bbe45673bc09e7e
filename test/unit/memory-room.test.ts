import { expect, test } from "vitest";
import { memoryRoom } from "../../src/worker/memory-room.js";

/** Lets in everyone who may enter now. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function entering(limitBytes: number, ...bytes: readonly number[]) {
  const room = memoryRoom(limitBytes);
  const inside: number[] = [];
  bytes.forEach((each, index) => {
    void room.enter(String(index), each).then(() => inside.push(index));
  });
  await settled();
  return { room, inside };
}

test("as many are in as fit, and the next one when another leaves", async () => {
  const { room, inside } = await entering(100, 40, 60, 10);
  expect(inside).toEqual([0, 1]);
  room.leave("0");
  room.leave("0");
  await settled();
  expect(inside).toEqual([0, 1, 2]);
});

test("who needs more than there is goes in alone, and is not overtaken again and again", async () => {
  const { room, inside } = await entering(100, 50, 500, 10);
  expect(inside).toEqual([0]);
  room.leave("0");
  await settled();
  expect(inside).toEqual([0, 1]);
  room.leave("1");
  await settled();
  expect(inside).toEqual([0, 1, 2]);
});
