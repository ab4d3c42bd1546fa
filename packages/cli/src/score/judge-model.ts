/** The model that judges: like any other, but a scripted one answers in the judge's form. */
import { type ChatModel, createScriptedModel, contentKey } from "@causeway/reason";
import { openAskedModel } from "../asking/model-options.ts";

export async function openJudge(spec: string): Promise<ChatModel> {
  if (spec !== "fake") return (await openAskedModel({ model: spec })).model;
  return createScriptedModel({
    name: "fake-judge",
    // A score that depends on the texts alone, so that dry runs are the same each time.
    script: (request) => {
      const score = 1 + (Number.parseInt(contentKey(request.messages).slice(0, 4), 16) % 5);
      return `Synthetic judgement: nothing was compared.\n<answer>${score}</answer>`;
    },
  });
}
