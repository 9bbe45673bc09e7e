import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { NodeProtoSchema } from "#onnx-proto";
import { asciiOf, numbersOf } from "../../src/runtimes/onnx/attributes.js";

/** A node with one attribute, `a`, followed by the field and its length of 4,294,967,295 bytes, which are not there. */
function nodeWithEndlessList(field: number) {
  const name = [0x0a, 1, "a".charCodeAt(0)];
  const list = [(field << 3) | 2, 0xff, 0xff, 0xff, 0xff, 0x0f];
  return create(NodeProtoSchema, { attribute: [Uint8Array.from([...name, ...list])] });
}

describe("an attribute that claims to be longer than its bytes", () => {
  const floats = 7;
  const integers = 8;
  const strings = 9;

  it.each([
    ["numbers", floats],
    ["integers", integers],
  ])("is refused at once, as %s", (_, field) => {
    expect(() => numbersOf(nodeWithEndlessList(field), "a")).toThrow(RangeError);
  });

  it("is refused at once, as strings", () => {
    expect(() => asciiOf(nodeWithEndlessList(strings), "a")).toThrow(RangeError);
  });
});
