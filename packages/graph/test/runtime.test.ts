import { ortNode, reference } from "@causeway/graph";
import { runtimeCases } from "./runtime.cases.ts";

for (const runtime of [ortNode, reference]) runtimeCases(runtime);
