// npm run test:export [-- --all]: runs the blocks of docs/export.md. Each trains, exports and predicts in Python; then its
// commands score and compare. Packages of PyPI go into .cache/; --all adds the frameworks that take several gigabytes.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installPythonPackages } from "./python-packages.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const cli = join(root, "dist/bundle/cli.js");
const isWhole = process.argv.includes("--all");

/** Sections by what they import: one folder of packages each, so that none decides the versions of another. */
const usual = ["pandas", "pyarrow", "numpy"];
const trees = [...usual, "scikit-learn", "scipy", "onnx", "onnxmltools", "skl2onnx", "protobuf"];
const sections = {
  "scikit-learn": { folder: "export-trees", packages: [...trees, "lightgbm", "xgboost-cpu", "catboost"] },
  LightGBM: { folder: "export-trees", packages: [...trees, "lightgbm", "xgboost-cpu", "catboost"] },
  XGBoost: { folder: "export-trees", packages: [...trees, "lightgbm", "xgboost-cpu", "catboost"] },
  CatBoost: { folder: "export-trees", packages: [...trees, "lightgbm", "xgboost-cpu", "catboost"] },
  PyTorch: {
    folder: "export-torch",
    packages: [...usual, "torch", "onnxscript", "transformers"],
    isLarge: true,
  },
  "TensorFlow and Keras": {
    folder: "export-keras",
    packages: [...usual, "tensorflow-cpu", "tf2onnx"],
    isLarge: true,
  },
  "Hugging Face": {
    folder: "export-torch",
    packages: [...usual, "torch", "onnxscript", "transformers"],
    isLarge: true,
  },
};
/** Beside the fixtures' own versions. */
const otherVersions = { transformers: "5.24.0", "tensorflow-cpu": "2.21.0", tf2onnx: "1.17.0" };

const pinned = new Map(
  [...readFileSync(join(root, "fixtures/requirements.txt"), "utf8").matchAll(/^([\w-]+)==(\S+)/gm)].map(
    ([, name, version]) => [name, version],
  ),
);
const found = sectionsOf(readFileSync(join(root, "docs/export.md"), "utf8"));
const missing = [...found.keys()].filter((title) => !(title in sections));
if (missing.length > 0 || found.size !== Object.keys(sections).length)
  throw new Error(`docs/export.md and this script have other sections: ${missing.join(", ")}`);

mkdirSync(join(root, ".cache"), { recursive: true });
const counts = { passed: 0, failed: 0 };
for (const [title, section] of Object.entries(sections)) {
  if (section.isLarge === true && !isWhole) continue;
  const problem = run(section, found.get(title));
  counts[problem === null ? "passed" : "failed"] += 1;
  console.log(`${problem === null ? "ok  " : "FAIL"}  ${title}`);
  if (problem !== null) console.log(problem);
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;

/** @returns what went wrong; `null`: the block runs, and what it predicts is what Nightshift predicts */
function run({ folder, packages }, { python, yaml, commands }) {
  const path = join(root, ".cache", folder);
  const requirements = packages.map((name) => `${name}==${pinned.get(name) ?? otherVersions[name]}`);
  const failure = installPythonPackages(path, requirements);
  if (failure !== null) return `The packages were not installed: ${failure}`;
  const scratch = mkdtempSync(join(tmpdir(), "nightshift-export-"));
  try {
    const options = { cwd: scratch, encoding: "utf8", env: { ...process.env, PYTHONPATH: path } };
    const block = spawnSync("python3", ["-c", python], options);
    if (block.status !== 0) return block.stderr;
    if (yaml !== null) writeFileSync(join(scratch, "job.yaml"), yaml);
    for (const command of commands) {
      const [, ...args] = command.split(" ");
      const { status, stdout, stderr } = spawnSync("node", [cli, ...args], options);
      if (status !== 0) return `${command}\n${stdout}${stderr}`;
      if (args.includes("--expect") && !stdout.includes("the same: ")) return `${command}\n${stdout}`;
    }
    return commands.some((command) => command.includes("--expect")) ? null : "It compares nothing.";
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The sections with a block of Python and commands, by their titles. */
function sectionsOf(text) {
  const parts = text.split(/^## /m).slice(1);
  const blockOf = (part, language) =>
    new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(part)?.[1] ?? null;
  return new Map(
    parts.flatMap((part) => {
      const [console, python] = [blockOf(part, "console"), blockOf(part, "python")];
      if (console === null || python === null) return [];
      const commands = console.split("\n").flatMap((line) => (line.startsWith("$ ") ? [line.slice(2)] : []));
      return [[part.slice(0, part.indexOf("\n")), { python, yaml: blockOf(part, "yaml"), commands }]];
    }),
  );
}
