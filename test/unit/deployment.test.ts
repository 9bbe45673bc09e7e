/** What can be checked of the manifests without a container engine. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { parseListen, refuseUnguarded } from "../../src/api/listen.js";
import { commands } from "../../src/cli/shell/commands.js";
import { isConnectionUrl } from "../../src/job/connection.js";
import { parseDurationMs } from "../../src/spec/quantities.js";

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const read = (name: string): string => readFileSync(path(name), "utf8");

interface Service {
  readonly build?: string;
  readonly command?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: { readonly [name: string]: string };
  readonly depends_on?: { readonly [service: string]: { readonly condition: string } };
  readonly healthcheck?: object;
  readonly stop_grace_period?: string;
  readonly ports?: readonly string[];
}

const compose = parse(read("docker-compose.yml"), { merge: true }) as {
  readonly services: { readonly [name: string]: Service };
  readonly volumes: { readonly [name: string]: null };
};
type Resource = ReturnType<typeof JSON.parse>;
const manifests = "deploy/kubernetes";
const resources = (file: string): readonly Resource[] =>
  parseAllDocuments(read(`${manifests}/${file}`)).map((document) => document.toJS());
const [deployment] = resources("base/worker.yaml");
const [served] = resources("base/serve.yaml");
const [migrating] = resources("base/migrate.yaml");
const [scaled] = resources("keda/worker-scaler.yaml");
const podsOf = (workload: Resource): Resource => workload.spec.template.spec;
const containersOf = (workload: Resource): readonly Resource[] => [
  ...(podsOf(workload).initContainers ?? []),
  ...podsOf(workload).containers,
];
const portOf = (args: readonly string[], option: string): number | undefined =>
  parseListen(args[args.indexOf(option) + 1] ?? "")?.port;

const graceOf = (words: readonly string[]): number =>
  parseDurationMs(words[words.indexOf("--grace") + 1] ?? "");

test("services run commands that exist, on services that exist", () => {
  const names = commands.map(({ name }) => name);
  const ours = Object.values(compose.services).filter(({ build }) => build !== undefined);
  expect(ours.length).toBe(4);
  for (const { command = [], depends_on = {}, environment = {} } of ours) {
    expect(names).toContain(command[0]);
    for (const service of Object.keys(depends_on)) expect(compose.services).toHaveProperty(service);
    expect(environment.NIGHTSHIFT_QUEUE).toBe("redis://redis:6379/0");
    expect(environment.NIGHTSHIFT_LEDGER).toMatch(/@postgres:5432\//);
  }
});

test("Prometheus and Grafana are given files that are there, and ask workers and serve where they answer", () => {
  const { prometheus, grafana, worker, serve } = compose.services;
  const mounts = [prometheus, grafana].flatMap((service) => service?.volumes ?? []);
  expect(mounts.length).toBe(3);
  for (const mount of mounts) expect(existsSync(path(mount.split(":")[0] ?? "")), mount).toBe(true);
  const [scrape, ofServe] = parse(read("deploy/prometheus/prometheus.yaml")).scrape_configs;
  const [{ names, port }] = scrape.dns_sd_configs;
  for (const name of names) expect(compose.services).toHaveProperty(name);
  expect(worker?.command).toContain(`0.0.0.0:${port}`);
  const [{ targets }] = ofServe.static_configs;
  expect(targets).toEqual([`serve:${port}`]);
  expect(serve?.command).toContain(`0.0.0.0:${port}`);
  // A job's own label is named like the scrape's.
  expect([scrape.honor_labels, ofServe.honor_labels]).toEqual([true, true]);
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
  const { terminationGracePeriodSeconds, containers } = podsOf(deployment);
  expect(terminationGracePeriodSeconds * 1000).toBeGreaterThan(graceOf(containers[0].args));
});

test("services are reached with a token, asked whether they are ready, and given more time to stop than they take", () => {
  const { serve } = compose.services;
  const words = serve?.command ?? [];
  const drainMs = (each: readonly string[]): number => Number(each[each.indexOf("--drain") + 1]) * 1000;
  expect(parseListen(words[words.indexOf("--listen") + 1] ?? "")?.port).toBe(8080);
  expect(serve?.ports).toEqual(["127.0.0.1:8080:8080"]);
  const [, token = ""] = /:-(.*)\}$/.exec(serve?.environment?.NIGHTSHIFT_API_TOKEN ?? "") ?? [];
  refuseUnguarded({ host: "0.0.0.0", port: 8080 }, token);
  expect(parseDurationMs(serve?.stop_grace_period ?? "")).toBeGreaterThan(drainMs(words));

  const { terminationGracePeriodSeconds, containers } = podsOf(served);
  expect(terminationGracePeriodSeconds * 1000).toBeGreaterThan(drainMs(containers[0].args));
});

test("every pod of Kubernetes fits the restricted Pod Security Standard, writes to volumes only, and knows no API", () => {
  const [account] = resources("base/service-account.yaml");
  expect(account.automountServiceAccountToken).toBe(false);
  for (const workload of [deployment, served, migrating]) {
    const pod = podsOf(workload);
    expect(pod).toMatchObject({
      serviceAccountName: account.metadata.name,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
    });
    for (const container of containersOf(workload)) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      expect(container.resources.limits.memory).toBeDefined();
      const mounted = container.volumeMounts.map(({ name }: { name: string }) => name);
      const volumes = pod.volumes.map(({ name }: { name: string }) => name);
      expect(volumes).toEqual(expect.arrayContaining(mounted));
      expect(mounted).toContain("tmp");
    }
  }
});

test("the base lists every file of its folder, and pins the version of the package", () => {
  const [base] = resources("base/kustomization.yaml");
  const files = readdirSync(path(`${manifests}/base`)).filter((file) => file !== "kustomization.yaml");
  expect([...base.resources].sort()).toEqual(files.sort());
  const images = [deployment, served, migrating].flatMap(containersOf).map(({ image }) => image);
  expect(new Set(images)).toEqual(new Set(base.images.map(({ name }: { name: string }) => name)));
  expect(base.images[0].newTag).toBe(JSON.parse(read("package.json")).version);
});

test("one value has to be edited: the ledger's database, which carries the queue", () => {
  const [secret] = resources("base/secret.yaml");
  expect(Object.keys(secret.stringData)).toEqual(["NIGHTSHIFT_LEDGER"]);
  expect(isConnectionUrl(secret.stringData.NIGHTSHIFT_LEDGER)).toBe(true);
  for (const workload of [deployment, served]) {
    const [{ envFrom, env }] = podsOf(workload).containers;
    expect(envFrom).toEqual([{ secretRef: { name: secret.metadata.name } }]);
    const [queue] = env.filter(({ name }: { name: string }) => name === "NIGHTSHIFT_QUEUE");
    expect(queue.valueFrom.secretKeyRef).toEqual({ name: secret.metadata.name, key: "NIGHTSHIFT_LEDGER" });
  }
  expect(containersOf(migrating).map(({ args }) => args)).toEqual([
    ["migrate"],
    ["migrate", "--queue", "$" + "{NIGHTSHIFT_LEDGER}"],
  ]);
});

test("metrics and probes are answered on the port that is scraped, and let in", () => {
  const [monitor] = resources("monitoring/pod-monitors.yaml");
  const [policy] = resources("base/network-policy.yaml");
  for (const workload of [deployment, served]) {
    const [{ args, ports, livenessProbe, startupProbe }] = podsOf(workload).containers;
    const port = portOf(args, "--metrics-listen");
    expect(ports).toEqual([{ name: "metrics", containerPort: port }]);
    for (const probe of [livenessProbe, startupProbe])
      expect(probe.httpGet).toEqual({ path: "/healthz", port: "metrics" });
    expect(policy.spec.ingress[0].ports).toEqual([{ protocol: "TCP", port }]);
    const [label] = monitor.spec.selector.matchExpressions;
    expect(label.values).toContain(workload.spec.template.metadata.labels[label.key]);
    // What the alert rules call the scrape.
    expect(read("deploy/prometheus/alerts.yaml")).toContain(`up{job="${workload.metadata.name}"}`);
    expect(monitor.spec.jobLabel).toBe(label.key);
  }
  expect(monitor.spec.podMetricsEndpoints[0]).toMatchObject({ port: "metrics", honorLabels: true });
});

test("the HTTP interface is opened to the cluster with a token, and asked whether it is ready", () => {
  const [patch] = resources("api/serve.yaml");
  const [service] = resources("api/service.yaml");
  const [policy] = resources("api/network-policy.yaml");
  expect(patch.metadata.name).toBe(served.metadata.name);
  const { containers, volumes } = podsOf(patch);
  const [{ name, args, ports, readinessProbe, volumeMounts }] = containers;
  const [plain] = podsOf(served).containers;
  expect(name).toBe(plain.name);
  // A patch replaces the list: it has to repeat what the base says.
  expect(args.slice(0, plain.args.length)).toEqual(plain.args);
  expect(portOf(args, "--listen")).toBe(ports[0].containerPort);
  expect(args[args.indexOf("--token-file") + 1]).toBe(`${volumeMounts[0].mountPath}/token`);
  expect(volumes[0].name).toBe(volumeMounts[0].name);
  expect(Object.keys(JSON.parse(read("schema/openapi.v1.json")).paths)).toContain(
    readinessProbe.httpGet.path,
  );
  expect(service.spec.selector).toEqual(served.spec.template.metadata.labels);
  expect(service.spec.ports[0].targetPort).toBe(ports[0].name);
  expect(policy.spec.podSelector.matchLabels).toEqual(served.spec.template.metadata.labels);
  expect(policy.spec.ingress[0].ports[0].port).toBe(ports[0].containerPort);
});

test("workers are scaled by what waits in the queue", () => {
  expect(scaled.spec.scaleTargetRef.name).toBe(deployment.metadata.name);
  const [trigger] = scaled.spec.triggers;
  expect(trigger.type).toBe("prometheus");
  expect(trigger.metadata.query).toBe("sum(nightshift_queue_pending)");
});

test("large assets go to a place that coordinator and workers share", () => {
  const mounted = (service: Service | undefined): readonly string[] =>
    (service?.volumes ?? []).map((volume) => volume.split(":")[1] ?? "");
  for (const name of ["worker", "nightshift"]) {
    const service = compose.services[name];
    expect(mounted(service)).toContain(service?.environment?.NIGHTSHIFT_ASSETS);
  }
  const [container] = deployment.spec.template.spec.containers;
  const [assets] = container.env.filter(({ name }: { name: string }) => name === "NIGHTSHIFT_ASSETS");
  expect(assets.value).toMatch(new RegExp(`^${container.volumeMounts[0].mountPath}/`));
});

test("what keeps something keeps it in a volume, and is waited for until it is healthy", () => {
  for (const service of Object.values(compose.services)) {
    for (const volume of service.volumes ?? []) {
      const [from = ""] = volume.split(":");
      if (!from?.startsWith(".")) expect(Object.keys(compose.volumes)).toContain(from);
    }
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {}))
      if (condition === "service_healthy") expect(compose.services[name]?.healthcheck).toBeDefined();
  }
  expect(compose.services.s3).toMatchObject({ profiles: ["s3"], volumes: ["objects:/data"] });
  expect(compose.services["s3-bucket"]).toMatchObject({ profiles: ["s3"] });
});

test("the image is built from files that are there, and is not root's", () => {
  const dockerfile = read("Dockerfile");
  const kept = read(".dockerignore").match(/^!.+$/gm) ?? [];
  for (const name of kept) expect(existsSync(path(name.slice(1))), name).toBe(true);
  for (const [, name = ""] of dockerfile.matchAll(/(?<=^COPY .*)\/app\/(\w[\w./-]*)(?= )/gm)) {
    if (name === "node_modules" || name === "dist") continue;
    expect(kept).toContain(`!${name}`);
  }
  expect(dockerfile).toMatch(/^USER node$/m);
});
