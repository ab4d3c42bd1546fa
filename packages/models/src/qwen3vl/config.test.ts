import { describe, expect, it } from "vitest";
import { alpamayoR1, micro, nano } from "../alpamayo/presets.ts";
import { formatQwen3VLConfig, parseQwen3VLConfig, type Qwen3VLConfig } from "./config.ts";

const of = (preset: typeof nano): Qwen3VLConfig => ({
  text: { ...preset.text, vocabSize: 1000 },
  vision: { ...preset.vision, outHiddenSize: preset.text.hiddenSize },
  imageTokenId: 5,
  videoTokenId: 6,
  visionStartTokenId: 3,
  visionEndTokenId: 4,
});

describe("qwen3_vl config", () => {
  it.each([nano, micro, alpamayoR1])("of $name survives writing and reading", (preset) => {
    expect(parseQwen3VLConfig(JSON.parse(JSON.stringify(formatQwen3VLConfig(of(preset)))))).toEqual(
      of(preset),
    );
  });

  it("reads the form of transformers 5 as the released one", () => {
    const json = JSON.parse(JSON.stringify(formatQwen3VLConfig(of(nano)))) as {
      text_config: Record<string, unknown>;
    };
    const { rope_scaling: rope, rope_theta: theta, ...text } = json.text_config;
    const v5 = {
      ...json,
      text_config: { ...text, rope_parameters: { ...(rope as object), rope_theta: theta } },
    };
    expect(parseQwen3VLConfig(v5)).toEqual(of(nano));
  });

  it.each([
    ["another model", { model_type: "llama" }, /model_type is "llama"; expected "qwen3_vl"/],
    [
      "a fractional size",
      { text_config: { num_hidden_layers: 1.5 } },
      /num_hidden_layers is 1.5; expected a positive integer/,
    ],
    [
      "rotary sections that do not fit",
      { text_config: { head_dim: 16 } },
      /mrope_section sums to 16, head_dim \/ 2 is 8/,
    ],
    [
      "a head count that does not divide",
      { text_config: { num_key_value_heads: 3 } },
      /4 heads do not divide over 3/,
    ],
    [
      "DeepStack outside the tower",
      { vision_config: { deepstack_visual_indexes: [9] } },
      /reach outside 4 vision blocks/,
    ],
    [
      "a bias that is not implemented",
      { text_config: { attention_bias: true } },
      /only false is implemented/,
    ],
  ])("refuses %s", (_, change, message) => {
    const json = JSON.parse(JSON.stringify(formatQwen3VLConfig(of(nano)))) as Record<
      string,
      object
    >;
    for (const [key, value] of Object.entries(change)) {
      json[key] = (
        typeof value === "object" ? { ...json[key], ...(value as object) } : value
      ) as object;
    }
    expect(() => parseQwen3VLConfig(json)).toThrow(message);
  });
});
