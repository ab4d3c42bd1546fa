/** Counters of a service in the text form that Prometheus scrapes. */
export class ServiceMetrics {
  readonly #requests = new Map<number, number>();
  readonly #items = new Map<string, { count: number; secs: number }>();
  readonly #waiting: () => number;

  constructor(waiting: () => number) {
    this.#waiting = waiting;
  }

  request(status: number): void {
    this.#requests.set(status, (this.#requests.get(status) ?? 0) + 1);
  }

  item(reward: string, outcome: string, ms: number): void {
    const key = `reward="${reward}",outcome="${outcome}"`;
    const known = this.#items.get(key) ?? { count: 0, secs: 0 };
    this.#items.set(key, { count: known.count + 1, secs: known.secs + ms / 1000 });
  }

  text(): string {
    const lines = [
      "# HELP causeway_reward_requests_total Batches by HTTP status.",
      "# TYPE causeway_reward_requests_total counter",
      ...[...this.#requests].map(([s, n]) => `causeway_reward_requests_total{status="${s}"} ${n}`),
      "# HELP causeway_reward_items_total Items by reward and outcome.",
      "# TYPE causeway_reward_items_total counter",
      ...[...this.#items].map(([k, v]) => `causeway_reward_items_total{${k}} ${v.count}`),
      "# HELP causeway_reward_item_seconds_total Time of items, waiting included.",
      "# TYPE causeway_reward_item_seconds_total counter",
      ...[...this.#items].map(
        ([k, v]) => `causeway_reward_item_seconds_total{${k}} ${v.secs.toFixed(6)}`,
      ),
      "# HELP causeway_reward_waiting Items that wait or run.",
      "# TYPE causeway_reward_waiting gauge",
      `causeway_reward_waiting ${this.#waiting()}`,
    ];
    return `${lines.join("\n")}\n`;
  }
}
