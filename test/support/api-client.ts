/** Asks a service over real HTTP, and holds every answer against the description that it publishes of itself. */
import { z } from "zod";

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface ApiClient {
  readonly url: string;
  get(path: string, headers?: Sent): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Sent): Promise<Answer>;
}

type Sent = { readonly [name: string]: string };

interface Described {
  readonly paths: {
    readonly [path: string]: { readonly [method: string]: { readonly responses: Responses } };
  };
  readonly components: { readonly schemas: { readonly [name: string]: unknown } };
}

interface Responses {
  readonly [status: string]: { readonly content: { readonly [type: string]: { readonly schema: unknown } } };
}

/** @param token sent with every request; `null`: none */
export async function apiClient(url: string, token: string | null = null): Promise<ApiClient> {
  const own: Sent = token === null ? {} : { authorization: `Bearer ${token}` };
  const described = (await (await fetch(`${url}/openapi.json`, { headers: own })).json()) as Described;

  async function ask(method: "GET" | "POST", path: string, init: RequestInit): Promise<Answer> {
    const response = await fetch(`${url}${path}`, { method, ...init });
    const text = await response.text();
    const type = (response.headers.get("content-type") ?? "").split(";")[0] ?? "";
    const body = type.endsWith("json") ? JSON.parse(text) : {};
    checkAnswer(described, {
      ...{ method, path, status: response.status, type },
      body: type.endsWith("json") ? body : text,
    });
    return { status: response.status, type, headers: response.headers, body, text };
  }

  return {
    url,
    get: (path, headers = {}) => ask("GET", path, { headers: { ...own, ...headers } }),
    post: (path, body = {}, headers = {}) =>
      ask("POST", path, {
        headers: { "content-type": "application/json", ...own, ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
  };
}

interface Told {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

function checkAnswer(described: Described, { method, path, status, type, body }: Told): void {
  const asked = path.split("?")[0] ?? "";
  const template = Object.keys(described.paths).find((each) =>
    new RegExp(`^${each.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(asked),
  );
  const operation = template === undefined ? undefined : described.paths[template]?.[method.toLowerCase()];
  if (operation === undefined) return;
  const what = `${method} ${template} ${status} ${type}`;
  const schema = operation.responses[status]?.content[type]?.schema;
  if (schema === undefined) throw new Error(`the description knows nothing of ${what}`);
  const inlined = withoutRefs(schema, described.components.schemas);
  const checked = z.fromJSONSchema(inlined as Parameters<typeof z.fromJSONSchema>[0]).safeParse(body);
  if (!checked.success)
    throw new Error(`${what} is not as described: ${checked.error.message}\n${JSON.stringify(body)}`);
}

function withoutRefs(schema: unknown, known: { readonly [name: string]: unknown }): unknown {
  if (Array.isArray(schema)) return schema.map((item) => withoutRefs(item, known));
  if (schema === null || typeof schema !== "object") return schema;
  const { $ref: ref, ...rest } = schema as { readonly $ref?: string };
  if (ref !== undefined) return withoutRefs(known[ref.slice(ref.lastIndexOf("/") + 1)], known);
  return Object.fromEntries(Object.entries(rest).map(([key, item]) => [key, withoutRefs(item, known)]));
}
