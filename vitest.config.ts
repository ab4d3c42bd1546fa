import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/{src,test}/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // ONNX Runtime owns native threads and memory that do not survive a worker thread's exit; processes do.
    pool: "forks",
    maxWorkers: 2,
  },
});
