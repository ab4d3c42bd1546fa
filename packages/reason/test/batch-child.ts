/** Runs a batch against a server until somebody kills it: `node batch-child.ts URL FOLDER NUM`. */
import { createOpenAiModel } from "../src/chat/openai-model.ts";
import { runScores } from "./score-task.ts";

const [url = "", folder = "", num = ""] = process.argv.slice(2);
const model = createOpenAiModel({ model: "m", baseUrl: url, apiKey: null, timeoutMs: 5000 });
const result = await runScores(model, Number(num), { folder });
console.log(JSON.stringify(result.summary));
