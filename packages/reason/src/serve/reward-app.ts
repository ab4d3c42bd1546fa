/**
 * Rewards over HTTP for a trainer: batches of items in, one number each out, in the order of the request and by id.
 * An item that fails does not fail its batch: what it gets instead is the service's failure policy, said in the reply.
 *
 * Without a token the service is for this machine alone: requests under another host name (a web page that was pointed
 * here by its name server) are refused.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import PQueue from "p-queue";
import { z } from "zod";
import { ChatError } from "../chat/chat-model.ts";
import { type RewardScorer, RewardItemError } from "../rewards/scorer.ts";
import type { RewardValue } from "../rewards/reward.ts";
import { openApiOf, pageOf } from "./reward-api.ts";
import { ServiceMetrics } from "./service-metrics.ts";

/** What an item that failed gets: nothing (the trainer must drop it), the least reward, or the whole batch fails. */
export type FailurePolicy = "null" | "least" | "error";

export interface RewardAppOptions {
  readonly scorers: readonly RewardScorer[];
  /** null: loopback only, no token asked. */
  readonly token: string | null;
  readonly onFailure: FailurePolicy;
  /** Per item, queueing included. */
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly maxItems: number;
  readonly maxBodyBytes: number;
  /** Items waiting at most; beyond it batches get 503. */
  readonly maxWaiting: number;
  readonly now?: () => number;
}

export const defaultRewardApp: Omit<RewardAppOptions, "scorers" | "token"> = {
  onFailure: "null",
  timeoutMs: 60_000,
  concurrency: 16,
  maxItems: 1024,
  maxBodyBytes: 256 * 2 ** 20,
  maxWaiting: 8192,
};

export interface RewardResult {
  readonly id: string;
  readonly reward: number | null;
  readonly parts: Readonly<Record<string, number>>;
  readonly problem: string | null;
  /** Kind of the failure: "item", "timeout", "server", …; null when the item was scored. */
  readonly failure: string | null;
}

const batchShape = z.object({ reward: z.string().optional(), items: z.array(z.unknown()).min(1) });
const idShape = z.object({ id: z.union([z.string(), z.number()]).optional() });

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
const isLocalName = (host: string | undefined): boolean =>
  /^(localhost|127(?:\.\d+){3}|\[::1\])(:\d+)?$/.test(host ?? "");

export function createRewardApp(options: RewardAppOptions): Hono {
  const { scorers, token, timeoutMs, onFailure, now = () => performance.now() } = options;
  const byName = new Map(scorers.map((s) => [s.name, s]));
  const queue = new PQueue({ concurrency: options.concurrency });
  const metrics = new ServiceMetrics(() => queue.size + queue.pending);
  const app = new Hono();

  const fail = (c: Context, status: 400 | 401 | 403 | 404 | 502 | 503, message: string) => {
    metrics.request(status);
    return c.json({ error: { message } }, status);
  };

  app.use(async (c, next) => {
    if (token === null && !isLocalName(c.req.header("host")))
      return fail(
        c,
        403,
        "this service has no token and answers this machine alone; ask it by localhost or 127.0.0.1",
      );
    if (token !== null && c.req.path !== "/health") {
      const given = /^Bearer (.+)$/.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
      if (!timingSafeEqual(digest(given), digest(token)))
        return fail(c, 401, "expected the header Authorization: Bearer with the service's token");
    }
    return next();
  });
  app.get("/health", (c) => c.json({ status: "ok", rewards: [...byName.keys()] }));
  app.get("/metrics", (c) => c.text(metrics.text()));
  app.get("/openapi.json", (c) => c.json(openApiOf(scorers, token !== null)));
  app.get("/", (c) => c.html(pageOf(scorers)));

  /** One item, never throwing: failures become results. */
  const evaluate = async (
    scorer: RewardScorer,
    item: unknown,
    index: number,
  ): Promise<RewardResult> => {
    const named = idShape.safeParse(item);
    const id = String((named.success ? named.data.id : undefined) ?? index);
    const start = now();
    const failed = (failure: string, problem: string): RewardResult => {
      metrics.item(scorer.name, failure, now() - start);
      const reward = onFailure === "least" ? scorer.range[0] : null;
      return { id, reward, parts: {}, problem, failure };
    };
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const value = await raceWith(timeout, () =>
        queue.add(() => {
          timeout.throwIfAborted();
          return scorer.evaluate(item, timeout);
        }),
      );
      metrics.item(scorer.name, "scored", now() - start);
      return { id, ...value, failure: null };
    } catch (error) {
      if (timeout.aborted) return failed("timeout", `no reward within ${timeoutMs} ms`);
      if (error instanceof RewardItemError) return failed("item", error.message);
      if (error instanceof ChatError) return failed(error.kind, error.message);
      return failed("internal", error instanceof Error ? error.message : String(error));
    }
  };

  app.post(
    "/v1/rewards",
    bodyLimit({
      maxSize: options.maxBodyBytes,
      onError: (c) =>
        c.json(
          { error: { message: `the body is larger than ${options.maxBodyBytes} bytes` } },
          413,
        ),
    }),
    async (c) => {
      const parsed = batchShape.safeParse(await c.req.json().catch(() => null));
      if (!parsed.success)
        return fail(c, 400, 'expected JSON {"reward": NAME, "items": [{"id", …}, …]}');
      const { reward, items } = parsed.data;
      const scorer =
        reward === undefined && scorers.length === 1 ? scorers[0] : byName.get(reward ?? "");
      if (scorer === undefined)
        return fail(
          c,
          404,
          `reward ${JSON.stringify(reward ?? null)} is not served; expected one of ${[...byName.keys()].join(", ")}`,
        );
      if (items.length > options.maxItems)
        return fail(c, 400, `${items.length} items; at most ${options.maxItems} fit one batch`);
      if (queue.size + items.length > options.maxWaiting) {
        c.header("retry-after", "1");
        return fail(c, 503, `${queue.size} items are waiting already; send this batch again later`);
      }
      const results = await Promise.all(items.map((item, i) => evaluate(scorer, item, i)));
      const failures = results.filter((r) => r.failure !== null);
      if (onFailure === "error" && failures.length > 0)
        return fail(
          c,
          502,
          `${failures.length} of ${items.length} items failed (${failures[0]?.id}: ${failures[0]?.problem}); the policy is to fail the batch`,
        );
      metrics.request(200);
      return c.json({
        reward: scorer.name,
        range: scorer.range,
        ...(scorer.isSynthetic ? { synthetic: true } : {}),
        results,
        failed: failures.length,
      });
    },
  );
  app.notFound((c) => fail(c, 404, "no such path; GET / describes this service"));
  return app;
}

/** A scorer that does not heed its signal must not hold the batch. */
async function raceWith(
  signal: AbortSignal,
  work: () => Promise<RewardValue>,
): Promise<RewardValue> {
  let stop = (): void => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work(), stopped]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
