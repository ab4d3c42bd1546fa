/**
 * What a run may spend. A request reserves the most output it may have and the input expected of it before it is sent;
 * the limit can be passed only by what a server counts beyond the expectation for the requests in flight.
 * Replies from the cache cost nothing.
 */
import { BatchConfigError } from "./shard.ts";

export interface BudgetLimits {
  readonly maxRequests?: number;
  /** Input and output together. */
  readonly maxTokens?: number;
  readonly maxCostUsd?: number;
}

/** US dollars per million tokens. */
export interface TokenPrice {
  readonly inputPerMTok: number;
  readonly outputPerMTok: number;
}

export interface Spending {
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export const noSpending: Spending = { requests: 0, inputTokens: 0, outputTokens: 0 };

export const addSpending = (a: Spending, b: Spending): Spending => ({
  requests: a.requests + b.requests,
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens,
});

export const costUsd = (spending: Spending, price: TokenPrice): number =>
  (spending.inputTokens * price.inputPerMTok + spending.outputTokens * price.outputPerMTok) / 1e6;

/** The budget does not allow another request. */
export class BudgetError extends Error {
  override readonly name = "BudgetError";
}

export class Budget {
  readonly #limits: BudgetLimits;
  readonly #price: TokenPrice | null;
  #spent: Spending;
  #reserved: Spending = noSpending;
  #waiting: (() => void)[] = [];

  constructor(limits: BudgetLimits, price: TokenPrice | null, spent: Spending = noSpending) {
    if (limits.maxCostUsd !== undefined && price === null)
      throw new BatchConfigError(
        "a limit on cost needs the price of a token: give both prices per million tokens.",
      );
    this.#limits = limits;
    this.#price = price;
    this.#spent = spent;
  }

  get spent(): Spending {
    return this.#spent;
  }

  /** Waits for requests in flight when they may leave enough over. Throws `BudgetError` when nothing can. */
  async reserve(most: Spending): Promise<void> {
    for (;;) {
      const problem = this.#problem(addSpending(addSpending(this.#spent, this.#reserved), most));
      if (problem === null) break;
      if (this.#reserved.requests === 0 || this.#problem(addSpending(this.#spent, most)) !== null)
        throw new BudgetError(problem);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#reserved = addSpending(this.#reserved, most);
  }

  /** Replaces a reservation by what was really spent. */
  settle(most: Spending, real: Spending): void {
    this.#reserved = addSpending(this.#reserved, {
      requests: -most.requests,
      inputTokens: -most.inputTokens,
      outputTokens: -most.outputTokens,
    });
    this.#spent = addSpending(this.#spent, real);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  #problem(total: Spending): string | null {
    const { maxRequests, maxTokens, maxCostUsd } = this.#limits;
    const tokens = total.inputTokens + total.outputTokens;
    if (maxRequests !== undefined && total.requests > maxRequests)
      return `the budget of ${maxRequests} requests is used up`;
    if (maxTokens !== undefined && tokens > maxTokens)
      return `the next request may need ${tokens - maxTokens} tokens more than the budget of ${maxTokens}`;
    if (maxCostUsd !== undefined && this.#price !== null) {
      const cost = costUsd(total, this.#price);
      if (cost > maxCostUsd)
        return `the next request may bring the cost to ${cost.toFixed(4)} US$; the budget is ${maxCostUsd}`;
    }
    return null;
  }
}
