/** What can be told of the manifests without a container engine. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { commands } from "../../src/cli/shell/commands.js";
import { parseDurationMs } from "../../src/spec/quantities.js";

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const read = (name: string): string => readFileSync(path(name), "utf8");

interface Service {
  readonly build?: string;
  readonly command?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: { readonly [name: string]: string };
  readonly depends_on?: { readonly [service: string]: object };
  readonly stop_grace_period?: string;
}

const compose = parse(read("docker-compose.yml"), { merge: true }) as {
  readonly services: { readonly [name: string]: Service };
};
const [deployment, scaled] = parseAllDocuments(read("deploy/kubernetes/worker.yaml")).map((document) =>
  document.toJS(),
);

const graceOf = (words: readonly string[]): number =>
  parseDurationMs(words[words.indexOf("--grace") + 1] ?? "");

test("services run commands that exist, on services that exist", () => {
  const names = commands.map(({ name }) => name);
  const ours = Object.values(compose.services).filter(({ build }) => build !== undefined);
  expect(ours.length).toBe(3);
  for (const { command = [], depends_on = {}, environment = {} } of ours) {
    expect(names).toContain(command[0]);
    for (const service of Object.keys(depends_on)) expect(compose.services).toHaveProperty(service);
    expect(environment.NIGHTSHIFT_QUEUE).toBe("redis://redis:6379/0");
    expect(environment.NIGHTSHIFT_LEDGER).toMatch(/@postgres:5432\//);
  }
});

test("Prometheus and Grafana are given files that are there, and ask workers where they answer", () => {
  const { prometheus, grafana, worker } = compose.services;
  const mounts = [prometheus, grafana].flatMap((service) => service?.volumes ?? []);
  expect(mounts.length).toBe(3);
  for (const mount of mounts) expect(existsSync(path(mount.split(":")[0] ?? "")), mount).toBe(true);
  const [scrape] = parse(read("deploy/prometheus/prometheus.yaml")).scrape_configs;
  const [{ names, port }] = scrape.dns_sd_configs;
  for (const name of names) expect(compose.services).toHaveProperty(name);
  expect(worker?.command).toContain(`0.0.0.0:${port}`);
  // A job's own label is named like the scrape's.
  expect(scrape.honor_labels).toBe(true);
  const [{ url, type }] = parse(read("deploy/grafana/provisioning/datasources/prometheus.yaml")).datasources;
  expect([type, new URL(url).hostname in compose.services]).toEqual(["prometheus", true]);
  const [{ options }] = parse(read("deploy/grafana/provisioning/dashboards/nightshift.yaml")).providers;
  expect(mounts.join()).toContain(`:${options.path}/nightshift.json`);
});

test("Redis never evicts", () => {
  const { command = [] } = compose.services.redis ?? {};
  expect(command[command.indexOf("--maxmemory-policy") + 1]).toBe("noeviction");
});

test("workers are given more time to stop than they take", () => {
  const { worker } = compose.services;
  expect(parseDurationMs(worker?.stop_grace_period ?? "")).toBeGreaterThan(graceOf(worker?.command ?? []));
  const { terminationGracePeriodSeconds, containers } = deployment.spec.template.spec;
  expect(terminationGracePeriodSeconds * 1000).toBeGreaterThan(graceOf(containers[0].args));
});

test("workers are scaled by the list that messages wait in", () => {
  expect(scaled.spec.scaleTargetRef.name).toBe(deployment.metadata.name);
  expect(scaled.spec.triggers[0].metadata.listName).toBe("nightshift:partitions:wait");
});

test("the image is built from files that are there, and is not root's", () => {
  const dockerfile = read("Dockerfile");
  const kept = read(".dockerignore").match(/^!.+$/gm) ?? [];
  for (const name of kept) expect(existsSync(path(name.slice(1))), name).toBe(true);
  for (const [, name = ""] of dockerfile.matchAll(/\/app\/(\w[\w.]*)(?= )/g)) {
    if (name === "node_modules" || name === "dist") continue;
    expect(kept).toContain(`!${name}`);
  }
  expect(dockerfile).toMatch(/^USER node$/m);
});
