/** Rate limits: requests and tokens per minute, and the pause that a server asked for. Time comes in from outside. */

import type { Clock } from "../clock.ts";

/** Holds up to a minute's worth, refills evenly. A cost above the whole bucket waits for a full one. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #capacity: number;
  #level: number;
  #filledAt: number;

  constructor(perMinute: number, clock: Clock) {
    this.#clock = clock;
    this.#capacity = perMinute;
    this.#level = perMinute;
    this.#filledAt = clock.now();
  }

  /** Milliseconds until `cost` may be taken; 0 when it may be now. */
  waitFor(cost: number): number {
    const now = this.#clock.now();
    this.#level = Math.min(
      this.#capacity,
      this.#level + ((now - this.#filledAt) * this.#capacity) / 60_000,
    );
    this.#filledAt = now;
    const missing = Math.min(cost, this.#capacity) - this.#level;
    return missing <= 0 ? 0 : Math.ceil((missing * 60_000) / this.#capacity);
  }

  /** May go below zero: what a reply cost beyond its estimate is paid by those that follow. */
  take(cost: number): void {
    this.#level -= cost;
  }
}

export interface PaceOptions {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

export class Pace {
  readonly #clock: Clock;
  readonly #requests: TokenBucket | null;
  readonly #tokens: TokenBucket | null;
  #pausedUntil = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: PaceOptions, clock: Clock) {
    this.#clock = clock;
    const bucket = (perMinute: number | undefined): TokenBucket | null =>
      perMinute === undefined ? null : new TokenBucket(perMinute, clock);
    this.#requests = bucket(options.requestsPerMinute);
    this.#tokens = bucket(options.tokensPerMinute);
  }

  /** Returns when one request of about this many tokens may be sent; in the order of calls. */
  async wait(tokens: number, signal: AbortSignal): Promise<void> {
    const before = this.#turn;
    let done: () => void = () => {};
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await before;
      while (!signal.aborted) {
        const ms = Math.max(
          this.#pausedUntil - this.#clock.now(),
          this.#requests?.waitFor(1) ?? 0,
          this.#tokens?.waitFor(tokens) ?? 0,
        );
        if (ms <= 0) break;
        await this.#clock.sleep(ms, signal);
      }
      this.#requests?.take(1);
      this.#tokens?.take(tokens);
    } finally {
      done();
    }
  }

  /** Settles the difference between what was expected and what was used. */
  correct(extraTokens: number): void {
    this.#tokens?.take(extraTokens);
  }

  /** The server asked everyone to wait. */
  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.now() + ms);
  }
}
