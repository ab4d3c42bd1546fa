/** A local server for one model folder and the page that runs it. Loopback only; it knows every name it may answer. */
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { driverFiles } from "@causeway/models";
import { build } from "esbuild";

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  mjs: "text/javascript",
  json: "application/json",
  wasm: "application/wasm",
};

const typeOf = (name: string): string =>
  types[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";

/** page.ts with all it imports, for browsers. */
async function bundlePage(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "page.ts")],
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2023",
    minify: true,
    write: false,
  });
  return (outputFiles[0] as (typeof outputFiles)[number]).contents;
}

/** Serves until closed. @param port  0 takes a free one. @throws Error that names the files a folder lacks. */
export async function serveModel(
  modelFolder: string,
  port = 0,
): Promise<{ readonly server: Server; readonly url: string }> {
  const missing: string[] = [];
  for (const name of driverFiles)
    if (!(await stat(join(modelFolder, name)).catch(() => null))?.isFile()) missing.push(name);
  if (missing.length > 0)
    throw new Error(
      `model folder: there is no ${missing.join(", ")}; expected ${driverFiles.join(", ")}, as in stage2/checkpoints/step_N of a run. (${modelFolder})`,
    );
  const page = await bundlePage();
  const index = await readFile(join(import.meta.dirname, "index.html"));
  const runtime = dirname(fileURLToPath(import.meta.resolve("onnxruntime-web/wasm")));
  const files = new Map<string, string>();
  for (const name of ["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"])
    files.set(`/runtime/${name}`, join(runtime, name));
  for (const name of driverFiles) files.set(`/model/${name}`, join(modelFolder, name));

  const server = createServer((request, response) => {
    const path = (request.url ?? "/").replace(/\?.*$/, "");
    // Isolation from other pages: without it there is no shared memory, hence one thread.
    const headers = (name: string) => ({
      "content-type": typeOf(name),
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
    });
    const refuse = (status: number, text: string): void => {
      response.writeHead(status, { "content-type": "text/plain" }).end(text);
    };
    const file = files.get(path);
    if (request.method !== "GET") refuse(405, "GET only");
    else if (path === "/") response.writeHead(200, headers("index.html")).end(index);
    else if (path === "/page.js") response.writeHead(200, headers(path)).end(page);
    else if (file === undefined) refuse(404, "no such file");
    else
      stat(file).then(
        ({ size }) => {
          response.writeHead(200, { ...headers(file), "content-length": size });
          createReadStream(file)
            .on("error", (error) => response.destroy(error))
            .pipe(response);
        },
        () => refuse(404, "no such file"),
      );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${taken}/` };
}
