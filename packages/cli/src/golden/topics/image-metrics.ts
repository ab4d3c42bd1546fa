import { type GoldenTopic, stringField } from "../topic.ts";
import { caseFolder } from "./case-folder.ts";
import { type ReadTensor, readSafetensors } from "./read-safetensors.ts";

const name = "image-metrics";

/** SSIM, Canny, depth, masks, boxes, Fréchet distance and epipolar geometry. */
export const topic: GoldenTopic = {
  name,
  matches: (caseJson) => stringField(caseJson, "topic") === name && tensorFiles(caseJson).size > 0,
  async run(dir, caseJson) {
    const { checkImageMetrics } = await import("@causeway/eval/golden");
    const folder = caseFolder(dir);
    const arrays = new Map<string, ReadTensor>();
    for (const file of tensorFiles(caseJson))
      for (const [key, tensor] of readSafetensors(await folder.bytes(file)))
        arrays.set(key, tensor);
    const checks = await checkImageMetrics(caseJson, folder, arrays);
    return checks.map((check) => ({ topic: name, ...check }));
  },
};

/** Names of the safetensors files that the cases list. */
function tensorFiles(caseJson: unknown): Set<string> {
  const cases = (caseJson as { cases?: unknown } | null)?.cases;
  const files = Array.isArray(cases)
    ? cases.flatMap((c: unknown) => (c as { files?: unknown } | null)?.files ?? [])
    : [];
  return new Set(files.map(String).filter((file) => file.endsWith(".safetensors")));
}
