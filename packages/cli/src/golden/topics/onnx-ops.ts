import { type GoldenTopic, stringField } from "../topic.ts";
import { caseFolder } from "./case-folder.ts";

/** Forward values and gradients of tensor operations on the default runtime. */
export const topic: GoldenTopic = {
  name: "onnx-ops",
  matches: (caseJson) =>
    stringField(caseJson, "topic") === "onnx-ops" &&
    Array.isArray((caseJson as { cases?: unknown }).cases),
  async run(dir, caseJson) {
    const { ortNode } = await import("@causeway/graph");
    const { checkOnnxOps } = await import("@causeway/graph/golden");
    const checks = await checkOnnxOps(caseJson, caseFolder(dir), ortNode);
    return checks.map((check) => ({ topic: "onnx-ops", ...check }));
  },
};
