/** The reward service without sockets: batches, failures, time-outs, tokens, limits, and its own description. */
import {
  builtInRewards,
  ChatError,
  createScriptedModel,
  functionScorer,
  logitScorer,
  type Reward,
  type RewardScorer,
} from "@causeway/reason";
import {
  createRewardApp,
  defaultRewardApp,
  type RewardAppOptions,
  type RewardResult,
  serveApp,
} from "@causeway/reason/serve";
import { describe, expect, it } from "vitest";

const reward = builtInRewards.get("videophy2-reason1") as Reward;
const scripted = (name: string, evaluate: RewardScorer["evaluate"]): RewardScorer => ({
  name,
  about: "",
  range: [-1, 1],
  isSynthetic: false,
  itemSchema: { type: "object", properties: {} },
  evaluate,
});
const appOf = (scorers: readonly RewardScorer[], options: Partial<RewardAppOptions> = {}) => {
  const app = createRewardApp({ ...defaultRewardApp, scorers, token: null, ...options });
  return (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    app.request(`http://localhost${path}`, {
      headers: { host: "localhost", ...headers },
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    });
};
interface Batch {
  readonly results: readonly RewardResult[];
  readonly failed: number;
}

describe("reward service", () => {
  it("answers a batch in order and by id; a bad item does not fail the others", async () => {
    const call = appOf([functionScorer(reward)]);
    const response = await call("/v1/rewards", {
      items: [
        { id: "b", reply: "<think>x</think>\n\n<answer>4</answer>", reference: "4" },
        { id: "bad", reply: 7 },
        { reply: "Score: 3", reference: "4" },
      ],
    });
    expect(response.status).toBe(200);
    const { results, failed } = (await response.json()) as Batch;
    expect(results.map((r) => [r.id, r.reward, r.failure])).toEqual([
      ["b", 2, null],
      ["bad", null, "item"],
      ["2", 0.5, null],
    ]);
    expect(failed).toBe(1);
    expect(results[1]?.problem).toContain("reply");
  });
  it("failure policies: nothing, the least reward, or the whole batch", async () => {
    const broken = scripted("broken", async () => {
      throw new ChatError("server", "model x: 500");
    });
    const of = async (onFailure: "null" | "least" | "error") => {
      const response = await appOf([broken], { onFailure })("/v1/rewards", {
        items: [{ id: "a" }],
      });
      return [response.status, (await response.json()) as Batch] as const;
    };
    expect((await of("null"))[1].results[0]).toMatchObject({ reward: null, failure: "server" });
    expect((await of("least"))[1].results[0]).toMatchObject({ reward: -1, failure: "server" });
    expect((await of("error"))[0]).toBe(502);
  });
  it("an item that hangs ends with the time-out, the others do not wait for it", async () => {
    const hanging = scripted("hanging", async (item) => {
      if ((item as { id: string }).id === "slow") await new Promise(() => {});
      return { reward: 1, parts: {}, problem: null };
    });
    const response = await appOf([hanging], { timeoutMs: 50 })("/v1/rewards", {
      items: [{ id: "slow" }, { id: "ok" }],
    });
    const { results } = (await response.json()) as Batch;
    expect(results.map((r) => r.failure)).toEqual(["timeout", null]);
  });
  it("asks for its token, and without one answers local names alone", async () => {
    const call = appOf([functionScorer(reward)], { token: "secret" });
    expect((await call("/")).status).toBe(401);
    expect((await call("/", undefined, { authorization: "Bearer wrong" })).status).toBe(401);
    expect((await call("/", undefined, { authorization: "Bearer secret" })).status).toBe(200);
    expect((await call("/health")).status).toBe(200);
    const open = createRewardApp({
      ...defaultRewardApp,
      scorers: [functionScorer(reward)],
      token: null,
    });
    const rebound = await open.request("http://evil.example/v1/rewards", {
      headers: { host: "evil.example" },
      method: "POST",
      body: "{}",
    });
    expect(rebound.status).toBe(403);
  });
  it("limits: size of a batch, waiting items, unknown rewards, no JSON", async () => {
    const call = appOf([functionScorer(reward)], { maxItems: 2, maxWaiting: 1 });
    const item = { reply: "3", reference: "3" };
    expect((await call("/v1/rewards", { items: [item, item, item] })).status).toBe(400);
    expect((await call("/v1/rewards", { items: [item, item] })).status).toBe(503);
    expect((await call("/v1/rewards", { reward: "nope", items: [item] })).status).toBe(404);
    expect((await call("/v1/rewards", "text")).status).toBe(400);
    expect((await call("/nothing")).status).toBe(404);
  });
  it("counts, and describes itself", async () => {
    const call = appOf([
      functionScorer(reward),
      functionScorer(builtInRewards.get("mcq-plain") as Reward),
    ]);
    await call("/v1/rewards", {
      reward: "mcq-plain",
      items: [{ reply: "B", reference: "B" }, { reply: 1 }],
    });
    const metrics = await (await call("/metrics")).text();
    expect(metrics).toContain('causeway_reward_items_total{reward="mcq-plain",outcome="scored"} 1');
    expect(metrics).toContain('causeway_reward_items_total{reward="mcq-plain",outcome="item"} 1');
    expect(metrics).toContain('causeway_reward_requests_total{status="200"} 1');
    const api = (await (await call("/openapi.json")).json()) as { openapi: string; paths: object };
    expect(api.openapi).toBe("3.1.0");
    expect(JSON.stringify(api.paths)).toContain("mcq-plain");
    expect(await (await call("/")).text()).toContain("POST /v1/rewards");
  });
  it("P(No) from the first token's candidates; a model without them is a failure, not a 0", async () => {
    const model = createScriptedModel({
      script: () => ({
        text: "No",
        raw: "No",
        topLogprobs: [
          { token: "No", logprob: Math.log(0.6) },
          { token: "Yes", logprob: Math.log(0.2) },
        ],
      }),
    });
    const items = [{ id: "v", video: Buffer.from("film").toString("base64") }];
    const scored = (await (
      await appOf([logitScorer(model)])("/v1/rewards", { items })
    ).json()) as Batch & { synthetic: boolean };
    expect(scored.results[0]?.reward).toBeCloseTo(0.75, 12);
    expect(scored.synthetic).toBe(true);
    const bare = createScriptedModel({ script: () => "No" });
    const failed = (await (
      await appOf([logitScorer(bare)])("/v1/rewards", { items })
    ).json()) as Batch;
    expect(failed.results[0]).toMatchObject({ reward: null, failure: "bad-reply" });
  });
  it("refuses to be reached by others without a token; serves on the loopback", async () => {
    const app = createRewardApp({
      ...defaultRewardApp,
      scorers: [functionScorer(reward)],
      token: null,
    });
    await expect(serveApp(app, { host: "0.0.0.0", port: 0, token: null })).rejects.toThrow(
      "CAUSEWAY_REWARD_TOKEN",
    );
    const service = await serveApp(app, { host: "127.0.0.1", port: 0, token: null });
    try {
      expect(await (await fetch(`${service.url}/health`)).json()).toMatchObject({ status: "ok" });
    } finally {
      await service.close();
    }
  });
});
