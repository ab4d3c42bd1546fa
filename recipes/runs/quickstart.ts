import { ownStage1, type RunRecipe } from "@causeway/cli";
import { scenarioKinds } from "@causeway/sim";
import { stage1NanoPost } from "../stage1.ts";
import { stage2NanoPost } from "../stage2.ts";

/**
 * The main job: from nothing to a report within 10 minutes on 2 cores and 4 GB. The model begins with the weights
 * that ship with nano and is post-trained on the run's drives, in some of which it has the wheel itself.
 * What `npm run quickstart` runs.
 */
export const recipe = (): RunRecipe => ({
  name: "quickstart",
  title: "Quickstart",
  seed: 1,
  drives: {
    kinds: [...scenarioKinds],
    train: 180,
    heldOut: 30,
    secs: 20,
    pushed: 0.4,
    onPolicy: { preset: "nano", share: 0.6, replanEverySecs: 0.5 },
    cameras: ["camera_front_wide_120fov", "camera_front_tele_30fov"],
    image: { width: 160, height: 96 },
    jpegQuality: 90,
  },
  samples: { trainEverySecs: 0.6, heldOutEverySecs: 2 },
  stage1: stage1NanoPost(),
  stage2: stage2NanoPost(ownStage1),
  validation: { everySteps: 100, samples: 64 },
  openLoop: {
    paths: 6,
    batch: 16,
    temperature: 0,
    topP: 1,
    flowTemperature: 1,
    maxTokens: 64,
  },
  closedLoop: {
    kinds: [...scenarioKinds],
    scenes: 30,
    secs: 15,
    replanEverySecs: 0.3,
    batch: 15,
    temperature: 0,
    topP: 1,
    flowTemperature: 0,
    maxTokens: 64,
  },
  report: { clips: 24, films: 30 },
});
