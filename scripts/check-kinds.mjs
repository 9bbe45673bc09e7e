// A check of check:static. Code outside an adapter's folder calls the adapter and never asks which one it is: a third
// kind would be taken for one of the others. The names are those that the adapters in the table have.
// The folder to look at may be given: a test plants a mistake in one of its own.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../src/", import.meta.url));
const looked = process.argv[2] ?? root;
const sources = (folder) => readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".ts"));

const adapters = sources(root).filter((name) => /^(sources|sinks)\/[^/]+\/[^/]+-adapter\.ts$/.test(name));
const names = new Set(
  adapters.map((file) => /^ {2}name: "([a-z0-9-]+)",$/m.exec(readFileSync(join(root, file), "utf8"))?.[1]),
);
if (adapters.length === 0 || names.has(undefined)) {
  console.log(`No name was found in one of: ${adapters.join(", ")}`);
  process.exit(1);
}

const named = `["'\`](?:${[...names].join("|")})["'\`]`;
const asks = new RegExp(
  `[!=]==?\\s*${named}|${named}\\s*[!=]==?|\\bcase\\s+${named}|\\.startsWith\\(${named}`,
  "g",
);

const found = [];
for (const file of sources(looked)) {
  if (/^(sources|sinks)\/[^/]+\//.test(file)) continue;
  const text = readFileSync(join(looked, file), "utf8");
  for (const { index, 0: asked } of text.matchAll(asks))
    found.push(`${file}:${text.slice(0, index).split("\n").length}: ${asked.replace(/\s+/g, " ")}`);
}
for (const place of found) console.log(place);
if (found.length > 0)
  console.log(
    "Call the adapter instead: job/input.ts and job/output.ts say what an adapter answers. If no method fits, add one.",
  );
process.exitCode = found.length === 0 ? 0 : 1;
