import { createGroup } from "../command-group.ts";

export const command = createGroup({
  name: "reward",
  about: "Rewards for post-training: serve them over HTTP, test them before you train on them.",
  subcommands: [
    {
      name: "serve",
      args: "",
      summary: "batches of replies or videos in, rewards out",
      load: () => import("./reward/serve.ts"),
    },
    {
      name: "probe",
      args: "<references>",
      summary: "attainable maximum, variance, tricks that pay, monotonicity",
      load: () => import("./reward/probe.ts"),
    },
  ],
  examples: [
    "causeway reward serve --reward videophy2-reason1 --port 8090",
    "causeway reward probe test.jsonl --reward videophy2-reason1 --samples rollouts.jsonl",
  ],
});
