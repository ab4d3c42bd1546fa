import type { GoldenTopic } from "../topic.ts";
import { isQwen3vlLoraCase } from "@causeway/models/golden/match";

const name = "qwen3vl-lora";

/** LoRA adapters: active, merged, trained. */
export const topic: GoldenTopic = {
  name,
  matches: isQwen3vlLoraCase,
  async run(dir, caseJson) {
    const { checkQwen3vlLora } = await import("@causeway/models/golden");
    return (await checkQwen3vlLora(dir, caseJson)).map((check) => ({ topic: name, ...check }));
  },
};
