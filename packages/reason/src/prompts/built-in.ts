/**
 * The prompts that come with Causeway: the kinds of Cosmos-Reason's samples and cookbook, in our own words.
 * Coordinates are asked for as the models give them: whole numbers from 0 to 1000 on each axis, origin at top left.
 */
import { z } from "zod";
import { avCaptionPrompt } from "./av-caption.ts";
import { defaultSystemPrompt, type Placeholder, type PromptTemplate } from "./template.ts";

const object: Placeholder = { name: "object_name", about: "what to find, such as: the red car" };
const question: Placeholder = { name: "question", about: "the question" };
const coordinate = z.int().min(0).max(1000);
const pair = z.array(coordinate).min(2).max(2);
const schemaOf = (shape: z.ZodType): Readonly<Record<string, unknown>> =>
  z.toJSONSchema(shape) as Record<string, unknown>;

const prompt = (
  name: string,
  about: string,
  userPrompt: string,
  more: Partial<PromptTemplate> = {},
): PromptTemplate => ({
  name,
  about,
  media: ["image", "video"],
  systemPrompt: defaultSystemPrompt,
  userPrompt,
  placeholders: [],
  sampling: {},
  output: "text",
  schema: null,
  ...more,
});

const coordinates =
  "Give coordinates as whole numbers from 0 to 1000: 0 is the left or top edge of the picture, 1000 its right or bottom edge.";

const prompts: readonly PromptTemplate[] = [
  prompt(
    "caption",
    "describe what is seen and what happens",
    "Describe what can be seen and what happens, in detail and in order of time.",
  ),
  prompt(
    "temporal",
    "when does what happen",
    'List the events of this video in order of time. Answer with a JSON list and nothing else. Each element has "start" and "end" as mm:ss.ff, such as "00:04.50", and "caption", one sentence about what happens between them.',
    {
      media: ["video"],
      output: "spans",
      schema: schemaOf(
        z.array(z.object({ start: z.string(), end: z.string(), caption: z.string() })),
      ),
    },
  ),
  prompt(
    "describe",
    "describe each marked subject",
    'Some subjects in this picture are marked with a number. Describe each of them. Answer with a JSON list and nothing else. Each element has "subject_id", the number; "category", a noun; and "caption", a few sentences about what it looks like, where it is and what it does.',
    {
      media: ["image"],
      output: "subjects",
      schema: schemaOf(
        z.array(z.object({ subject_id: z.int(), category: z.string(), caption: z.string() })),
      ),
    },
  ),
  prompt(
    "grounding-2d",
    "boxes around an object",
    `Find every instance of this object: {object_name}. Answer with a JSON list and nothing else. Each element has "bbox_2d", the box as [left, top, right, bottom], and "label". ${coordinates} If there is none, answer [].`,
    {
      media: ["image"],
      placeholders: [object],
      output: "boxes",
      schema: schemaOf(
        z.array(z.object({ bbox_2d: z.array(coordinate).min(4).max(4), label: z.string() })),
      ),
    },
  ),
  prompt(
    "grounding-3d",
    "boxes in space around an object",
    'Find every instance of this object in space: {object_name}. Answer with a JSON list and nothing else. Each element has "bbox_3d", nine numbers: the centre x, y, z and the size x, y, z in metres, then roll, pitch, yaw in radians, in the camera\'s frame (x to the right, y down, z forward); and "label".',
    {
      media: ["image"],
      placeholders: [object],
      output: "boxes3d",
      schema: schemaOf(
        z.array(z.object({ bbox_3d: z.array(z.number()).min(9).max(9), label: z.string() })),
      ),
    },
  ),
  prompt(
    "next-action",
    "what should the robot or vehicle do now",
    "You see what the agent that carries the camera sees. What is the one thing that it should do next? Name the action, and in one sentence why.",
  ),
  prompt(
    "trajectory",
    "the path of a robot's gripper",
    `The robot is to do this: {task_instruction}. Where will its gripper move? Answer with a JSON list of points in order of time and nothing else. Each element has "point_2d" as [x, y] and "label", which is "gripper trajectory". ${coordinates}`,
    {
      media: ["image"],
      placeholders: [{ name: "task_instruction", about: "what the robot is to do" }],
      output: "points",
      schema: schemaOf(z.array(z.object({ point_2d: pair, label: z.string() })).min(2)),
    },
  ),
  prompt(
    "point",
    "points at an object",
    `Point at every instance of this object: {object_name}. Answer with a JSON list and nothing else. Each element has "point_2d" as [x, y] and "label". ${coordinates} If there is none, answer [].`,
    {
      media: ["image"],
      placeholders: [object],
      output: "points",
      schema: schemaOf(z.array(z.object({ point_2d: pair, label: z.string() }))),
    },
  ),
  prompt(
    "av-reasoning",
    "what matters for safe driving, step by step",
    "This was recorded from a driving vehicle. Go through it step by step: which road users, lights, signs and parts of the road matter for driving safely here, where are they, what will they do, and what does it mean for the vehicle? End with what the vehicle should do in the next seconds.",
    { media: ["video"] },
  ),
  prompt(
    "causal",
    "what is being done, and to what end",
    "What is the person in this video doing, and why? Say what led to it and what it will lead to.",
    { media: ["video"] },
  ),
  prompt(
    "causal-vqa",
    "what will happen next to an object",
    "What will most likely happen next with {object_name}? Answer in one or two sentences and name what in the video lets you expect it.",
    { media: ["video"], placeholders: [object] },
  ),
  prompt(
    "plausibility",
    "can this happen in the real world",
    "Could what this video shows happen in the real world, by the laws of physics? Judge how the objects move, meet, appear and disappear. How well it is rendered does not matter, and neither does a wall that rises into view.\n(A) Possible\n(B) Impossible\nAnswer with the letter alone.",
    {
      media: ["video"],
      output: "choice",
      sampling: { temperature: 0 },
    },
  ),
  prompt(
    "video-critic",
    "are there artefacts in a generated video",
    "This video may be computer-generated. Look for errors: things that change shape, colour or number without cause; bodies that pass through each other; movement without force; wrong contact, shadows or reflections. Style, sound, lighting and camera movement are no errors. Is there any such error? Answer Yes or No, nothing else.",
    { media: ["video"], sampling: { temperature: 0 } },
  ),
  avCaptionPrompt,
  prompt(
    "video-score",
    "how well does a video keep to physics, from 1 to 5",
    "Look at this video and judge how well it keeps to the physics of the real world. Consider how objects behave and keep their shape, whether movement has a cause and a plausible force, whether things that touch act on each other as they should, and whether all of it stays consistent over time. 1 means not at all, 2 poorly, 3 moderately, 4 well, 5 perfectly. Answer with the number alone.",
    { media: ["video"], sampling: { temperature: 0, maxTokens: 2048, seed: 1 } },
  ),
  prompt(
    "sub-tasks",
    "when does each step of a task end",
    'The video shows a task that is done in these steps:\n{steps}\nAt what time does each step end? Answer with a JSON list and nothing else. Each element has "start" and "end" as mm:ss.ff and "caption", the step. Keep the order.',
    {
      media: ["video"],
      placeholders: [{ name: "steps", about: "numbered lines" }],
      output: "spans",
      schema: schemaOf(
        z.array(z.object({ start: z.string(), end: z.string(), caption: z.string() })),
      ),
      sampling: { temperature: 0 },
    },
  ),
  prompt(
    "mcq",
    "a question with choices",
    "{question}\n{options}\nAnswer with the letter of the right choice alone.",
    {
      placeholders: [question, { name: "options", about: "lines such as: (A) stop" }],
      output: "choice",
      sampling: { temperature: 0 },
    },
  ),
  prompt("vqa", "any question", "{question}", { placeholders: [question] }),
];

export const builtInPrompts: ReadonlyMap<string, PromptTemplate> = new Map(
  prompts.map((p) => [p.name, p]),
);
