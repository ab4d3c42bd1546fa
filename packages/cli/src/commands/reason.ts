import { resolve } from "node:path";
import { InvalidArgumentError } from "commander";
import { addAskingOptions } from "../asking/model-options.ts";
import { action, createCommand, wholeNumber } from "../command.ts";
import type { ReasonOptions } from "../actions/reason.ts";

const number =
  (low: number, high: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!(value >= low && value <= high))
      throw new InvalidArgumentError(`${text} is not a number from ${low} to ${high}.`);
    return value;
  };

const pair = (text: string, before: Readonly<Record<string, string>> = {}) => {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError(`${text} is not name=value.`);
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
};

export const command = addAskingOptions(
  createCommand("reason", "Ask a reasoning model about pictures, videos and drives.", [
    "causeway reason clip.mp4                                     # caption, from a server at 127.0.0.1:8000",
    "causeway reason clip.mp4 --model engine:nano                 # no server: the small driving model that ships",
    'causeway reason frame.png --ask "Is the light green?" --reasoning',
    'causeway reason frame.png --prompt grounding-2d --set object_name="the cars" --out out',
    "causeway reason clips/ --prompt temporal --out out           # a batch: killed or stopped, it goes on",
    "causeway reason jobs.jsonl --model openai:gpt-5 --max-cost 2 --price-in 1.25 --price-out 10 --out out",
    "causeway reason drive.mcap --at 6 --model engine:nano --plan --out out  # caption, decision, path on the picture",
    "causeway reason clip.mp4 --fps 4 --context 8192 --dry-run    # exact tokens; nothing is asked or written",
    "causeway reason --list-prompts",
    "causeway reason --show-prompt caption > mine.yaml && causeway reason clip.mp4 --prompt mine.yaml",
  ]),
)
  .argument(
    "[inputs...]",
    "pictures, videos, drives, folders, globs, JSON Lines of jobs, or CSV of questions",
  )
  .option("--prompt <name|file>", "a built-in prompt or a YAML file", "caption")
  .option("--ask <question>", "ask this instead of a prompt")
  .option("--set <name=value>", "value of a placeholder of the prompt (may be repeated)", pair)
  .option("--list-prompts", "list the built-in prompts")
  .option("--show-prompt <name>", "print a prompt as a YAML file to start from")
  .option("--reasoning", "let the model think first; the terminal shows its thoughts dimmed")
  .option("--together", "all inputs in one question instead of one each")
  .option("--fps <n>", "frames per second of a video", number(0.01, 120))
  .option("--frames <n>", "number of frames of a video, instead of --fps", wholeNumber(1, 768))
  .option("--start <secs>", "begin of the part of a video", number(0, 1e6))
  .option("--end <secs>", "end of the part of a video", number(0, 1e6))
  .option("--min-pixels <n>", "least area of a frame or picture", wholeNumber(1, 1e9))
  .option("--max-pixels <n>", "largest area of a frame or picture", wholeNumber(1, 1e9))
  .option("--total-pixels <n>", "largest area of all frames together", wholeNumber(1, 1e12))
  .option(
    "--context <tokens>",
    "the model's context (vLLM: --max-model-len)",
    wholeNumber(64, 1e7),
    16_384,
  )
  .option("--no-shrink", "refuse videos that do not fit the context instead of making them smaller")
  .option(
    "--send <how>",
    "a video as file (the server samples) or as frames; default: file to servers",
  )
  .option("--camera <name>", "of a drive; all for every camera (default: the front camera)")
  .option("--at <secs>", "of a drive: the four frames up to this time instead of the whole")
  .option("--plan", "of a drive, with a driving model: also plan a path at --at and draw it")
  .option("--max-tokens <n>", "longest answer, thoughts included", wholeNumber(1, 1e6))
  .option("--temperature <t>", "0 always takes the likeliest word", number(0, 2))
  .option("--top-p <p>", "share of probability to sample from", number(0.001, 1))
  .option("--seed <n>", "seed of the sampling", wholeNumber(0, 0xffffffff))
  .option(
    "--coordinates <how>",
    "what numbers of boxes and points are: relative (0-1000) or absolute (pixels as the model saw them; Reason 1)",
    "relative",
  )
  .option("--intrinsics <fx,fy,cx,cy>", "the picture's camera, to draw boxes in space")
  .option(
    "--replies <file>",
    'read replies from JSON Lines of {"id", "reply"} instead of asking; marked synthetic',
  )
  .addHelpText(
    "after",
    `
Tasks (--prompt NAME; texts of all with --list-prompts, one with --show-prompt NAME):
  what happens, and when             caption, temporal, sub-tasks --set steps="1. …"
  a driving clip in fifteen fields   av-caption
  driving: what matters, what next   av-reasoning, next-action
  causes                             causal, causal-vqa --set object_name="the red car"
  where something is                 grounding-2d, grounding-3d, point (each --set object_name=…), describe
  a robot's path                     trajectory --set task_instruction="put the cup on the tray"
  can this be, is it well made       plausibility, video-critic, video-score
  questions                          vqa --set question=… (or --ask), mcq --set question=… --set options="(A) … (B) …"
Boxes, points, paths and spans are drawn with --out; --intrinsics draws boxes in space. A file of your own:
user_prompt, and if you like system_prompt, sampling_params, output (text, json, boxes, boxes3d, points, spans, subjects, choice).

Engines: openai:NAME@http://HOST:PORT/v1 (?timeout=600, ?json=guided_json, ?frames=video after the address adjust it),
engine:FOLDER or engine:nano (our own, no server), fake (scripted: shows what would be written, marked synthetic).

Jobs (JSON Lines): {"id": "a", "media": ["a.mp4"], "prompt": "vqa", "values": {"question": "…"}}, or
{"id": "a", "media": "a.png", "question": "…"}; paths are relative to the file. Addresses are never fetched.

Questions (CSV, LingoQA's columns question_id, segment_id, question, answer): each is asked once about the pictures in
its column images, or in the folder or video named as its segment beside the file. --out then also holds answers.csv,
which \`causeway score lingoqa QUESTIONS.csv --answers\` judges.

With --out: results.jsonl (one row per job, by id), summary.json, ledger.jsonl (every reply), report.html (failures
first), and overlays/ with boxes, points and time spans drawn on the pictures (films need ffmpeg).

Keys come from the environment: OPENAI_API_KEY and NVIDIA_API_KEY for those services, CAUSEWAY_API_KEY for any
other address. CAUSEWAY_MODEL sets the default of --model. Serve Cosmos-Reason2 with
  vllm serve nvidia/Cosmos-Reason2-2B --max-model-len 16384 --media-io-kwargs '{"video": {"num_frames": -1}}' --reasoning-parser qwen3`,
  )
  .action(
    action<ReasonOptions, [readonly string[] & string]>(
      "reason",
      async (context, options, inputs) => {
        const { runReason } = await import("../actions/reason.ts");
        return runReason(context, options, inputs, resolve("."));
      },
    ),
  );
