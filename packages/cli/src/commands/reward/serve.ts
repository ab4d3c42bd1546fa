import { InvalidArgumentError } from "commander";
import { action, type CommonOptions, createCommand, wholeNumber } from "../../command.ts";

export interface ServeOptions extends CommonOptions {
  readonly reward?: readonly string[];
  readonly model?: string;
  readonly host: string;
  readonly port: number;
  readonly onFailure: "null" | "least" | "error";
  readonly timeout: number;
  readonly concurrency: number;
  readonly maxItems: number;
}

const policy = (text: string): ServeOptions["onFailure"] => {
  if (text === "null" || text === "least" || text === "error") return text;
  throw new InvalidArgumentError(`${text} is not one of null, least, error.`);
};

export const command = createCommand("serve", "Serve rewards over HTTP.", [
  "causeway reward serve                                       # all rewards that are functions of the reply",
  "causeway reward serve --reward videophy2-reason1 mcq-reason1 --port 8090",
  "causeway reward serve --model openai:nvidia/Cosmos-Reason1-7B-Reward@http://127.0.0.1:8000/v1",
  "CAUSEWAY_REWARD_TOKEN=… causeway reward serve --host 0.0.0.0",
  'curl -s localhost:8090/v1/rewards -d \'{"reward":"mcq-plain","items":[{"id":"a","reply":"B","reference":"B"}]}\'',
])
  .option("--reward <names...>", "which rewards (default: all)")
  .option(
    "--model <spec>",
    "also serve video-no-artefact, P(No) of this critic (needs log-probabilities)",
  )
  .option(
    "--host <name>",
    "address to listen on; others than loopback need CAUSEWAY_REWARD_TOKEN",
    "127.0.0.1",
  )
  .option("--port <n>", "0 takes a free one", wholeNumber(0, 65_535), 8090)
  .option(
    "--on-failure <what>",
    "what a failed item gets: null, least (the range's lower end), or error (fail the batch)",
    policy,
    "null",
  )
  .option("--timeout <ms>", "time of an item, waiting included", wholeNumber(1, 3_600_000), 60_000)
  .option("--concurrency <n>", "items at the same time", wholeNumber(1, 1024), 16)
  .option("--max-items <n>", "items of one batch", wholeNumber(1, 100_000), 1024)
  .action(
    action<ServeOptions, []>("reward serve", async (context, options) => {
      const { serveRewards } = await import("../../actions/reward.ts");
      return serveRewards(context, options);
    }),
  );
