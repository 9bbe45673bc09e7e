// Writes THIRD_PARTY_NOTICES.md from what is installed; with --check, fails when it is out of date.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const lock = JSON.parse(readFileSync(`${root}package-lock.json`, "utf8"));
const target = `${root}THIRD_PARTY_NOTICES.md`;

const rows = Object.entries(lock.packages)
  .filter(([path, entry]) => path.startsWith("node_modules/") && !entry.dev && !entry.devOptional)
  .map(
    ([path, entry]) =>
      `| ${path.slice(path.lastIndexOf("node_modules/") + 13)} | ${entry.license ?? "see the package"} |`,
  );

const text = `# Third-party notices

Nightshift is licensed under Apache-2.0. It uses the packages below; npm installs each with its own licence file.
\`dist/bundle/\` also holds a bundled copy of apache-arrow and flatbuffers (Apache-2.0, The Apache Software Foundation and
Google), of @bufbuild/protobuf (Apache-2.0 and BSD-3-Clause, Buf and Google), of tslib (0BSD, Microsoft), of yaml (ISC,
Eemeli Aro), of zod (MIT, Colin McDonnell), of commander (MIT, TJ Holowaychuk), of get-east-asian-width (MIT, Sindre
Sorhus) and of fastest-levenshtein (MIT, Kasper Unn Weihe).

| package | licence |
| --- | --- |
${[...new Set(rows)].sort().join("\n")}

## Definitions and data

| what | from | licence |
| --- | --- | --- |
| \`generated/onnx_pb.js\`, generated from \`onnx.proto\` | the ONNX project | Apache-2.0 |
| \`fixtures/flights/\`, and the flights that the fixtures' models were trained on | U.S. Bureau of Transportation Statistics, by way of the npm package vega-datasets | public data of the U.S. government; vega-datasets' own licence (BSD-3-Clause) covers its code |
| \`fixtures/adult/\` | UCI Adult (Becker and Kohavi, 1996), by way of dotnet/machinelearning | CC BY 4.0 |
`;

if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error("THIRD_PARTY_NOTICES.md is out of date: run node scripts/third-party-notices.mjs");
    process.exit(1);
  }
} else writeFileSync(target, text);
