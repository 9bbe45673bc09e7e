// Writes what is published of our schemas: of job specs to schema/job.v1.json, of serve's HTTP interface to
// schema/openapi.v1.json. Run after `npm run build`; `--check` only compares.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describeApi } from "../dist/api/openapi.js";
import { jobJsonSchema } from "../dist/spec/schema.js";

const published = { "job.v1.json": jobJsonSchema(), "openapi.v1.json": describeApi() };

for (const [name, schema] of Object.entries(published)) {
  const file = new URL(`../schema/${name}`, import.meta.url);
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  if (!process.argv.includes("--check")) {
    mkdirSync(new URL(".", file), { recursive: true });
    writeFileSync(file, text);
  } else if (!existsSync(file) || readFileSync(file, "utf8") !== text) {
    console.error(`schema/${name} is out of date: run node scripts/generate-schema.mjs`);
    process.exitCode = 1;
  }
}
