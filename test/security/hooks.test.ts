/** Functions of jobs run only where the operator lets them, and see no secret of the environment. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hostEnvironment, readSettings } from "../../src/config.js";
import { admitting } from "../../src/wiring/queue-parts.js";
import { nightshiftWith } from "../support/nightshift.js";
import { scratch } from "../support/scratch.js";

function project(): { readonly cwd: string; readonly trace: string } {
  const cwd = scratch();
  const trace = join(cwd, "trace.json");
  symlinkSync(join(import.meta.dirname, "../../fixtures"), join(cwd, "fixtures"));
  mkdirSync(join(cwd, "jobs"));
  writeFileSync(
    join(cwd, "jobs/h.mjs"),
    `import { writeFileSync } from "node:fs";
writeFileSync(${JSON.stringify(trace)}, JSON.stringify(process.env));
export default () => ({ columns: {} });
`,
  );
  const spec = `version: 1
name: delay
model: ../fixtures/models/flight-columns.onnx
input: { from: ../fixtures/models/flight-columns.input.parquet, key: [flight_id] }
pre: ./h.mjs
write: { to: ../out }
`;
  writeFileSync(join(cwd, "jobs/delay.yaml"), spec);
  return { cwd, trace };
}

const secrets = {
  NIGHTSHIFT_API_TOKEN: "a-token-of-the-api-0123456789abcdef",
  NIGHTSHIFT_METRICS_PUSH: "http://user:pushed@gateway.example",
  GH_PAT: "ghp_0123456789",
  DB_PASSWORD: "hunter2hunter2",
  STORE_URL: "postgres://me:inurl99@db.example/x",
};

test.each([
  ["plan", { NIGHTSHIFT_HOOKS: "off" }, [], 2],
  ["run", { NIGHTSHIFT_HOOKS: "off" }, [], 2],
  ["explain", {}, ["--no-hooks"], 2],
  ["preview", {}, ["--no-hooks"], 2],
  ["validate", {}, ["--no-hooks"], 0],
])("%s runs no hook where they are off", (command, env, flags, status) => {
  const { cwd, trace } = project();
  const ended = nightshiftWith(env, cwd, command, "delay", "--json", ...flags);
  expect(existsSync(trace), ended.stderr).toBe(false);
  expect(ended.stdout + ended.stderr).toContain('"refused.hooks-off"');
  expect(ended.status).toBe(status);
});

test("a hook sees what it may need, and no secret", () => {
  const { cwd, trace } = project();
  const ended = nightshiftWith({ ...secrets, REGION: "eu" }, cwd, "validate", "delay");
  const text = readFileSync(trace, "utf8");
  expect(JSON.parse(text), ended.stderr).toMatchObject({ REGION: "eu" });
  expect(Object.values(secrets).filter((secret) => text.includes(secret))).toEqual([]);
});

test("a worker whose hooks are off takes no run that has some", async () => {
  const task = { plan: { assets: [{ role: "pre-hook", path: "/h.ts" }] } } as never;
  await expect(admitting({} as never, { hooks: false })(task)).rejects.toMatchObject({
    code: "refused.hooks-off",
  });
});

test("the switch has two positions, and reaches hosts", () => {
  const settings = (NIGHTSHIFT_HOOKS: string) =>
    readSettings({ cwd: "/", environment: { NIGHTSHIFT_HOOKS } });
  expect(hostEnvironment(settings("off"))).toMatchObject({ NIGHTSHIFT_HOOKS: "off" });
  expect(settings("").hooks).toBe(true);
  expect(() => settings("no")).toThrow(expect.objectContaining({ code: "usage.environment" }));
});
