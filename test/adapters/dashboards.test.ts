/** The dashboard and the alert rules, against Prometheus' checker and against the metrics of a real run. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { type Exposed, readExposition } from "../support/exposition.js";
import { flightProject } from "../support/flight-project.js";
import { promtool } from "../support/promtool.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const folder = join(repository, "deploy/prometheus");

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}
const dashboard = JSON.parse(readFileSync(join(repository, "deploy/grafana/nightshift.json"), "utf8")) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly query: unknown }[] };
};
const rules = parse(readFileSync(join(folder, "alerts.yaml"), "utf8")) as {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
};
const ofPanels = dashboard.panels.flatMap(({ title, targets }) =>
  targets.map(({ expr }) => [title, expr] as const),
);
const ofRules = rules.groups.flatMap((group) => group.rules.map(({ alert, expr }) => [alert, expr] as const));

let exposed: Exposed;
let text: string;
beforeAll(() => {
  const project = flightProject({ files: 1, rowsAFile: 10 });
  try {
    project.nightshift("run", "flights", "--metrics-file", "night.prom");
    text = readFileSync(join(project.cwd, "night.prom"), "utf8");
    exposed = readExposition(text);
  } finally {
    project.remove();
  }
});

test("promtool takes the rules, their tests and the configuration", () => {
  for (const args of [
    ["check", "rules", "alerts.yaml"],
    ["test", "rules", "alerts.test.yaml"],
    ["check", "config", "prometheus.yaml"],
  ])
    expect(promtool(folder, args)).toEqual({ status: 0, said: expect.stringContaining("SUCCESS") });
});

test("every rule is tested", () => {
  const tested = readFileSync(join(folder, "alerts.test.yaml"), "utf8");
  expect(ofRules.length).toBeGreaterThan(5);
  for (const [alert] of ofRules)
    expect(tested).toContain(`alertname: ${alert}\n        exp_alerts:\n          -`);
});

test("promtool takes every expression of the dashboard", () => {
  const scratch = mkdtempSync(join(tmpdir(), "nightshift-dashboard-"));
  try {
    const records = ofPanels.map(([, expr], index) => ({
      record: `panel:${index}`,
      expr: expr.replaceAll("$__rate_interval", "5m").replaceAll("$job", ".*"),
    }));
    writeFileSync(
      join(scratch, "panels.json"),
      JSON.stringify({ groups: [{ name: "panels", rules: records }] }),
    );
    expect(promtool(scratch, ["check", "rules", "panels.json"])).toEqual({
      status: 0,
      said: expect.stringContaining(`${ofPanels.length} rules found`),
    });
  } finally {
    rmSync(scratch, { recursive: true });
  }
});

test.each([...ofPanels, ...ofRules])("%s asks for metrics that a run has: %s", (_, expr) => {
  const names = expr.match(/nightshift_\w+/g) ?? [];
  // Prometheus' own, of a scrape.
  if (!expr.includes("up{")) expect(names.length).toBeGreaterThan(0);
  for (const name of names) expect(exposed.families).toContain(name.replace(/_(bucket|sum|count)$/, ""));
});

test("every label that is asked for is one of its metric's", () => {
  const labelled = /(nightshift_\w+)\{([^}]*)\}/g;
  for (const [, expr] of [...ofPanels, ...ofRules])
    for (const [, name = "", selector = ""] of expr.matchAll(labelled))
      for (const [, label = ""] of selector.matchAll(/(\w+)=~?"/g)) {
        const samples = [...exposed.samples.keys()].filter((sample) => sample.startsWith(`${name}{`));
        // Reported by the ledger or the queue, which this run's file leaves out.
        if (samples.length > 0)
          expect({ name, labels: samples[0] }).toMatchObject({
            labels: expect.stringContaining(`${label}=`),
          });
        else expect(["nightshift_job_freshness_seconds"]).toContain(name);
      }
});

test("the dashboard shows every metric, but for what its list of jobs is made of", () => {
  const shown = JSON.stringify([ofPanels, dashboard.templating]);
  expect(exposed.families.filter((name) => !shown.includes(name))).toEqual([
    "nightshift_rows_predicted_total",
    "nightshift_rows_written_total",
  ]);
});

test("no metric is labelled with a run or a partition, and all are in PRODUCT's units", () => {
  const labels = new Set([...text.matchAll(/[{,](\w+)=/g)].map(([, label]) => label));
  expect([...labels].sort()).toEqual(
    [
      "engine",
      "job",
      "le",
      "model",
      "outcome",
      "provider",
      "reason",
      "sha256",
      "status",
      "step",
      "trigger",
    ].sort(),
  );
  for (const name of exposed.families) expect(name).toMatch(/_(seconds|total|pending|info)$/);
  expect(promtool(folder, ["check", "metrics"], text)).toEqual({ status: 0, said: "" });
});
