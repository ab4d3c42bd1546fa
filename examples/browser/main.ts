/** node --import tsx examples/browser/main.ts MODEL_FOLDER [PORT] */
import { serveModel } from "./server.ts";

const [folder, port = "8080"] = process.argv.slice(2);
if (folder === undefined || !/^\d+$/.test(port)) {
  console.error("usage: node --import tsx examples/browser/main.ts MODEL_FOLDER [PORT]");
  process.exitCode = 2;
} else {
  try {
    const { url } = await serveModel(folder, Number(port));
    console.log(`${url} serves the model; Ctrl-C ends it`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
