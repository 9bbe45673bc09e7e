// Writes the JSON Schema of job specs to schema/job.v1.json. Run after `npm run build`; `--check` only compares.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { jobJsonSchema } from "../dist/spec/schema.js";

const file = new URL("../schema/job.v1.json", import.meta.url);
const text = `${JSON.stringify(jobJsonSchema(), null, 2)}\n`;

if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== text) {
    console.error("schema/job.v1.json is out of date: run node scripts/generate-schema.mjs");
    process.exit(1);
  }
} else {
  mkdirSync(new URL(".", file), { recursive: true });
  writeFileSync(file, text);
}
