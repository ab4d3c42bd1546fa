import { expect, test } from "vitest";
import { createScriptedModel } from "../chat/scripted-model.ts";
import { readOutput } from "../parse/read-output.ts";
import {
  buildRequest,
  plainSampling,
  reasoningSampling,
  reasoningStyleOf,
} from "./build-request.ts";
import { builtInPrompts } from "./built-in.ts";
import {
  fillPrompt,
  parsePromptFile,
  PromptError,
  promptHash,
  promptToYaml,
  type PromptTemplate,
} from "./template.ts";

const builtIn = (name: string): PromptTemplate => builtInPrompts.get(name) as PromptTemplate;
const valuesFor = (template: PromptTemplate): Record<string, string> =>
  Object.fromEntries(template.placeholders.map((p) => [p.name, `<${p.name}>`]));

test("there is a prompt for each kind of work", () => {
  const wanted = [
    "av-caption",
    "av-reasoning",
    "caption",
    "causal",
    "causal-vqa",
    "describe",
    "grounding-2d",
    "grounding-3d",
    "mcq",
    "next-action",
    "plausibility",
    "point",
    "temporal",
    "trajectory",
    "video-critic",
    "vqa",
  ];
  expect(wanted.filter((name) => !builtInPrompts.has(name))).toEqual([]);
});

test.each([...builtInPrompts.values()])(
  "$name: fills, survives YAML, and its scripted reply is readable",
  async (template) => {
    const values = valuesFor(template);
    const { user } = fillPrompt(template, values);
    for (const value of Object.values(values)) expect(user).toContain(value);
    const again = parsePromptFile(promptToYaml(template), template.name);
    expect(again).toEqual(template);
    expect(promptHash(again)).toBe(promptHash(template));
    if (template.schema === null) return;
    const { request } = buildRequest(template, { values, media: [], isReasoning: false });
    const reply = await createScriptedModel().complete(request);
    const context = { frame: { image: { width: 100, height: 100 } }, durationSecs: null };
    const parsed = readOutput(template.output, reply.raw, context);
    // The scripted strings are no times: only that kind is refused.
    expect([template.output, parsed.ok]).toEqual([
      template.output,
      template.output !== "spans" && template.output !== "boxes3d",
    ]);
  },
);

test("the original files load as they are, literal braces and all", () => {
  const template = parsePromptFile(
    'user_prompt: |\n  Move to {task_instruction}. Answer like [{"point_2d": [x, y], "label": "gripper"}].\nsampling_params:\n  temperature: 0.2\n  top_p: 0.9\n  max_tokens: 100\n',
    "robot.yaml",
  );
  expect(template).toMatchObject({
    systemPrompt: "You are a helpful assistant.",
    sampling: { temperature: 0.2, topP: 0.9, maxTokens: 100 },
    output: "text",
    placeholders: [{ name: "task_instruction" }],
  });
  expect(fillPrompt(template, { task_instruction: "the {cup}" }).user).toBe(
    'Move to the {cup}. Answer like [{"point_2d": [x, y], "label": "gripper"}].\n',
  );
});

test.each<[string, RegExp]>([
  ["user_prompt: [", /p\.yaml:\d+:\d+: not valid YAML/],
  ["user_promt: hi", /p\.yaml:1: .*"user_promt"/],
  [
    "user_prompt: x\nsampling_params:\n  temperature: 9\n",
    /p\.yaml:3: sampling_params\.temperature/,
  ],
  ["user_prompt: x\noutput: picture\n", /p\.yaml:2: output/],
])("%j is refused with its place", (text, message) => {
  expect(() => parsePromptFile(text, "p.yaml")).toThrow(message);
});

test("missing and unknown values are errors that name the placeholder", () => {
  expect(() => fillPrompt(builtIn("grounding-2d"), {})).toThrow(
    /needs object_name \(what to find, such as: the red car\)/,
  );
  expect(() => fillPrompt(builtIn("caption"), { object: "x" })).toThrow(PromptError);
});

test("media come before text, images before videos; settings in their order", () => {
  const media = [
    { type: "video", bytes: new Uint8Array([1]), mime: "video/mp4" },
    { type: "image", bytes: new Uint8Array([2]), mime: "image/png" },
  ] as const;
  const plain = buildRequest(builtIn("plausibility"), {
    media,
    isReasoning: false,
    sampling: { maxTokens: 9 },
  });
  expect(plain.request.messages[1]?.content.map((p) => p.type)).toEqual(["image", "video", "text"]);
  // Mode default, then the template's temperature, then the caller's length.
  expect(plain.request.sampling).toEqual({ ...plainSampling, temperature: 0, maxTokens: 9 });
  const reasoning = buildRequest(builtIn("caption"), { media, isReasoning: true });
  expect(reasoning.request.sampling).toEqual(reasoningSampling);
});

test("reasoning is asked for where the model's version expects it", () => {
  expect(reasoningStyleOf("nvidia/Cosmos-Reason1-7B")).toBe("reason1");
  expect(reasoningStyleOf("nvidia/Cosmos-Reason2-8B")).toBe("reason2");
  const textOf = (style: "reason1" | "reason2"): string[] =>
    buildRequest(builtIn("caption"), { media: [], isReasoning: true, style }).request.messages.map(
      (m) => m.content.map((p) => (p.type === "text" ? p.text : "")).join(""),
    );
  const [system1 = "", user1 = ""] = textOf("reason1");
  expect(system1).toMatch(/<think>[\s\S]*<answer>/);
  expect(user1).not.toContain("<think>");
  const [system2 = "", user2 = ""] = textOf("reason2");
  expect(system2).not.toContain("<think>");
  expect(user2).toMatch(/\n\nThink before[\s\S]*<\/think>/);
  expect(user2).not.toContain("<answer>");
  // Guided decoding would forbid the think tags.
  const boxes = { media: [], values: { object_name: "car" } };
  const asked = (isReasoning: boolean) =>
    buildRequest(builtIn("grounding-2d"), { ...boxes, isReasoning }).request.jsonSchema?.name;
  expect([asked(false), asked(true)]).toEqual(["grounding_2d", undefined]);
});
