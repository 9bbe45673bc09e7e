// npm run test:manifests: validates the manifests of deploy/kubernetes against the schemas of the newest and of an older
// Kubernetes. The schemas come from the PyPI package kubernetes-validate, put into .cache/; nothing of the system changes.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { installPythonPackages } from "./python-packages.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const version = "1.37.0";
const validated = ["1.29", "1.37"];
const cache = join(root, `.cache/kubernetes-validate-${version}`);
/** Kinds of operators and of kustomize: no Kubernetes knows them. */
const foreign = /^(kustomize\.config\.k8s\.io|monitoring\.coreos\.com|keda\.sh)\//;

mkdirSync(join(root, ".cache"), { recursive: true });
const failure = installPythonPackages(cache, [`kubernetes-validate==${version}`]);
if (failure !== null) {
  console.error(
    `The manifests were not validated: install python3, to fetch kubernetes-validate ${version} (${failure}).`,
  );
  console.log("0 passed, 1 failed");
  process.exit(1);
}
const scratch = mkdtempSync(join(tmpdir(), "nightshift-manifests-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

const env = { ...process.env, PYTHONPATH: cache };
const counts = { passed: 0, failed: 0 };
for (const { name, text } of resources()) {
  const file = join(scratch, "resource.yaml");
  writeFileSync(file, text);
  for (const kubernetes of validated) {
    const args = [
      "-m",
      "kubernetes_validate",
      "--strict",
      "--no-warn",
      "--quiet",
      "--kubernetes-version",
      kubernetes,
      file,
    ];
    const { status, stdout, stderr } = spawnSync("python3", args, { encoding: "utf8", env });
    counts[status === 0 ? "passed" : "failed"] += 1;
    console.log(`${status === 0 ? "ok  " : "FAIL"}  ${name} on Kubernetes ${kubernetes}`);
    if (status !== 0) console.log(`${stdout}${stderr}`.trim());
  }
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;

/** Every resource that Kubernetes itself knows, whole ones only: a patch has no schema of its own. */
function* resources() {
  const folder = join(root, "deploy/kubernetes");
  const files = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith(".yaml"));
  for (const file of files.sort().filter((name) => name !== join("api", "serve.yaml")))
    for (const document of parseAllDocuments(readFileSync(join(folder, file), "utf8"))) {
      const { apiVersion, kind, metadata } = document.toJS();
      if (!foreign.test(apiVersion))
        yield { name: `${file}: ${kind} ${metadata.name}`, text: String(document) };
    }
}
