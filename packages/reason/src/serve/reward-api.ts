/** What the reward service offers, as an OpenAPI document and as a page for people. */
import type { RewardScorer } from "../rewards/scorer.ts";

const idSchema = {
  type: "string",
  description: "comes back with the result; default: the position",
};

const withId = (schema: Readonly<Record<string, unknown>>): Record<string, unknown> => ({
  ...schema,
  $schema: undefined,
  properties: { id: idSchema, ...(schema.properties as object) },
  additionalProperties: true,
});

export function openApiOf(scorers: readonly RewardScorer[], hasToken: boolean): unknown {
  const result = {
    type: "object",
    required: ["id", "reward", "parts", "problem", "failure"],
    properties: {
      id: { type: "string" },
      reward: { type: ["number", "null"], description: "null: failed, drop this item" },
      parts: { type: "object", additionalProperties: { type: "number" } },
      problem: { type: ["string", "null"] },
      failure: {
        type: ["string", "null"],
        description: "item, timeout, server, …; null when scored",
      },
    },
  };
  const error = {
    description: "what is wrong and what was expected",
    content: {
      "application/json": {
        schema: {
          type: "object",
          properties: { error: { type: "object", properties: { message: { type: "string" } } } },
        },
      },
    },
  };
  const plain = (description: string) => ({ responses: { 200: { description } } });
  return {
    openapi: "3.1.0",
    info: { title: "Causeway rewards", version: "1" },
    ...(hasToken
      ? {
          security: [{ token: [] }],
          components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
        }
      : {}),
    paths: {
      "/v1/rewards": {
        post: {
          summary: "rewards of a batch of items, in order",
          requestBody: {
            required: true,
            content: {
              "application/json": {
                schema: {
                  type: "object",
                  required: ["items"],
                  properties: {
                    reward: { type: "string", enum: scorers.map((s) => s.name) },
                    items: {
                      type: "array",
                      minItems: 1,
                      items: {
                        anyOf: scorers.map((s) => ({ title: s.name, ...withId(s.itemSchema) })),
                      },
                    },
                  },
                },
              },
            },
          },
          responses: {
            200: {
              description: "one result per item",
              content: {
                "application/json": {
                  schema: {
                    type: "object",
                    properties: {
                      reward: { type: "string" },
                      range: { type: "array", items: { type: "number" } },
                      synthetic: { type: "boolean" },
                      results: { type: "array", items: result },
                      failed: { type: "integer" },
                    },
                  },
                },
              },
            },
            400: error,
            401: error,
            403: error,
            404: error,
            413: error,
            502: error,
            503: error,
          },
        },
      },
      "/health": { get: { summary: "is it up", ...plain("names of the rewards") } },
      "/metrics": { get: { summary: "counters for Prometheus", ...plain("text") } },
    },
  };
}

const escape = (text: string): string =>
  text.replace(
    /[&<>"]/g,
    (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] as string,
  );

/** No script and no request: it can be read where the network is closed. */
export function pageOf(scorers: readonly RewardScorer[]): string {
  const [first] = scorers;
  const fields = Object.keys((first?.itemSchema.properties ?? {}) as object);
  const example = JSON.stringify({
    reward: first?.name,
    items: [{ id: "a", ...Object.fromEntries(fields.map((f) => [f, "…"])) }],
  });
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Causeway rewards</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:40px auto;padding:0 16px;color-scheme:light dark}code,pre{font-family:ui-monospace,monospace;font-size:13px}pre{padding:10px;border:1px solid #8884;border-radius:6px;overflow-x:auto}td,th{text-align:left;padding:4px 14px 4px 0;vertical-align:top}</style>
<h1>Causeway rewards</h1><table><tr><th>reward</th><th>range</th><th>item</th><th></th></tr>
${scorers.map((s) => `<tr><td><code>${escape(s.name)}</code></td><td>${s.range.join(" … ")}</td><td><code>${escape(Object.keys((s.itemSchema.properties ?? {}) as object).join(", "))}</code></td><td>${escape(s.about)}${s.isSynthetic ? " <b>(synthetic)</b>" : ""}</td></tr>`).join("\n")}
</table><pre>POST /v1/rewards\n${escape(example)}</pre>
<p>Each item gets a result with <code>reward</code>, <code>parts</code>, <code>problem</code> and <code>failure</code>. See <a href="/openapi.json">openapi.json</a>, <a href="/metrics">metrics</a>, <a href="/health">health</a>.</p></html>
`;
}
