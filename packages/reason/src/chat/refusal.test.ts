import { expect, test } from "vitest";
import { isRefusalText } from "./refusal.ts";

test.each([
  "I'm sorry, but I can't assist with that request.",
  "I’m sorry, but I cannot help with identifying people in images.",
  "Sorry, I won't be able to describe that.",
  "I cannot assist with that.",
  "As an AI language model, I am unable to provide this.",
  "Unfortunately, I can't view the video you attached.",
  "I apologize, but I am unable to process this content.",
  "This content violates our usage policies.",
])("refuses: %s", (text) => {
  expect(isRefusalText(text)).toBe(true);
});

test.each([
  "Stop for the red light since the ego vehicle cannot cross.",
  "The driver is sorry to be late.",
  "I see a pedestrian who cannot cross.",
  "Yield: the oncoming car can't stop.",
  "I can see two cars.",
  "This video shows a street.",
  '{"caption":"I cannot help noticing a bus"}',
])("answers: %s", (text) => {
  expect(isRefusalText(text)).toBe(false);
});
