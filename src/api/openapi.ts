/** The description of the interface, from the schemas that check it. Published as `schema/openapi.v1.json`. */
import { OpenAPIHono } from "@hono/zod-openapi";
import * as routes from "./routes.js";

export function describeApi(): object {
  const app = new OpenAPIHono();
  for (const route of Object.values(routes)) app.openAPIRegistry.registerPath(route);
  const { webhooks: _none, ...described } = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Nightshift",
      version: "1",
      description: "What `nightshift serve` answers. On the loopback no token is needed unless there is one.",
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    servers: [{ url: "http://127.0.0.1:8080" }],
    security: [{ token: [] }],
  });
  const { components } = described;
  return {
    ...described,
    components: { ...components, securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  };
}
