import { createGroup } from "../command-group.ts";

export const command = createGroup({
  name: "score",
  about:
    "Score answers of reasoning models and generated video. (`causeway eval` scores a driver.)",
  subcommands: [
    {
      name: "mcq",
      args: "<data>",
      summary: "multiple-choice questions in the Cosmos-Reason1-Benchmark layout",
      load: () => import("./score/mcq.ts"),
    },
    {
      name: "caption",
      args: "<data>",
      summary: "driving captions in 15 fields, judged 1 to 5 by another model; BLEU",
      load: () => import("./score/caption.ts"),
    },
    {
      name: "videophy2",
      args: "<data>",
      summary: "physics scores 1 to 5 against human scores",
      load: () => import("./score/videophy2.ts"),
    },
    {
      name: "lingoqa",
      args: "<references>",
      summary: "free answers in LingoQA's CSV form, judged by a classifier that you supply",
      load: () => import("./score/lingoqa.ts"),
    },
    {
      name: "temporal",
      args: "<data>",
      summary: "when does each step of a task end",
      load: () => import("./score/temporal.ts"),
    },
    {
      name: "grounding",
      args: "<data>",
      summary: "boxes in pictures or in space, with average precision",
      load: () => import("./score/grounding.ts"),
    },
    {
      name: "critic",
      args: "<data>",
      summary: "artefacts in generated videos, N trials each, best of N",
      load: () => import("./score/critic.ts"),
    },
    {
      name: "geometry",
      args: "<videos...>",
      summary: "Sampson distances of video, over time and across views",
      load: () => import("./score/geometry.ts"),
    },
    {
      name: "frames",
      args: "<predicted> <truth>",
      summary: "blur-SSIM, Canny F1, depth, instance and class IoU, with masks",
      load: () => import("./score/frames.ts"),
    },
    {
      name: "distance",
      args: "<generated> <real>",
      summary: "FID and FVD with features of an ONNX network that you supply",
      load: () => import("./score/distance.ts"),
    },
    {
      name: "compare",
      args: "<a> <b>",
      summary: "two evaluations of the same items, paired by id, as a page",
      load: () => import("./score/compare.ts"),
    },
  ],
  examples: [
    "causeway score mcq data/benchmark/av/av_benchmark_qa_pairs.json --out scores/av",
    "causeway score caption eval.jsonl --judge openai:gpt-5 --out scores/base",
    "causeway score compare scores/base scores/tuned --html compare.html",
    "causeway score mcq questions.json --dry-run",
  ],
});
