import { expect, test } from "vitest";
import { apiKeyFor, openModel, parseModelSpec } from "./model-spec.ts";
import { createScriptedModel } from "./scripted-model.ts";

const server = (text: string) => {
  const spec = parseModelSpec(text);
  if (spec.kind !== "openai") throw new Error(spec.kind);
  return spec;
};

test.each([
  ["openai:nvidia/Cosmos-Reason2-2B", "nvidia/Cosmos-Reason2-2B", "http://127.0.0.1:8000/v1"],
  ["openai:a@b@http://h:1/v1/", "a@b", "http://h:1/v1"],
  ["openai:m@https://h", "m", "https://h/v1"],
  ["openai:@http://h:9/api/v2?frames=video", "", "http://h:9/api/v2"],
  ["openai:gpt-5", "gpt-5", "https://api.openai.com/v1"],
])("%s", (text, model, baseUrl) => {
  expect(server(text)).toMatchObject({ model, baseUrl });
});

test("the query adjusts dialect and time-out", () => {
  const spec = server("openai:m@http://h/v1?json=guided_json&frames=video&timeout=600");
  expect(spec.dialect).toEqual({ kind: "vllm", json: "guided_json", frames: "video" });
  expect(spec.timeoutMs).toBe(600_000);
  expect(server("openai:gpt-5").dialect.kind).toBe("openai");
  expect(server("openai:m?json=none").dialect.json).toBe("none");
});

test.each([
  ["gpt", /expected openai:MODEL@URL, engine:FOLDER, fake/],
  ["openai:", /expected openai/],
  ["engine:", /folder must follow/],
  [
    "openai:m@http://h/v1?json=xml",
    /json is "xml"; expected response_format or guided_json or none/,
  ],
  ["openai:m@http://user:pass@h/v1", /CAUSEWAY_API_KEY/],
  ["openai:m@http://h?timeout=soon", /timeout is "soon"/],
])("%s is refused", (text, message) => {
  expect(() => parseModelSpec(text)).toThrow(message);
});

test("a password in an address is not repeated", () => {
  expect(() => parseModelSpec("openai:m@http://user:hunter2@h/v1")).not.toThrow(/hunter2/);
});

test("a provider's key goes to its provider only", () => {
  const env = { OPENAI_API_KEY: "o", NVIDIA_API_KEY: "n", CAUSEWAY_API_KEY: "c" };
  expect(apiKeyFor("https://api.openai.com/v1", env)).toBe("o");
  expect(apiKeyFor("https://integrate.api.nvidia.com/v1", env)).toBe("n");
  expect(apiKeyFor("http://127.0.0.1:8000/v1", env)).toBe("c");
  expect(apiKeyFor("https://openai.com.evil.example/v1", { OPENAI_API_KEY: "o" })).toBeNull();
});

test("the engine is the caller's to wire; fake is synthetic", async () => {
  const engine = createScriptedModel({ name: "engine" });
  const opened = await openModel(parseModelSpec("engine:runs/x"), {
    env: {},
    openEngine: async (folder) => {
      expect(folder).toBe("runs/x");
      return engine;
    },
  });
  expect(opened).toBe(engine);
  await expect(openModel(parseModelSpec("engine:runs/x"), { env: {} })).rejects.toThrow(
    /no engine built in/,
  );
  expect((await openModel(parseModelSpec("fake"), { env: {} })).isSynthetic).toBe(true);
});
