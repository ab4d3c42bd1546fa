import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ChatTemplate, type TemplateMessage } from "../chat/template.ts";
import type { TokenizerJson } from "../tokenizer/bpe-trainer.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { caseName, Comparison, type GoldenCheck, member } from "./check.ts";

interface TemplateRow {
  readonly name: string;
  readonly messages: readonly TemplateMessage[];
  readonly tools?: readonly unknown[];
  readonly options: { readonly add_generation_prompt?: boolean; readonly add_vision_id?: boolean };
  readonly [template: string]: unknown;
}

/** Conversations rendered by every template of the folder, as text and as ids. */
export async function checkChatTemplate(dir: string, caseJson: unknown): Promise<GoldenCheck[]> {
  const read = (path: string) => readFile(path, "utf8");
  const folder = join(dir, String(member(caseJson, "checkpoint")));
  const tokenizer = new Tokenizer(
    JSON.parse(await read(join(folder, "tokenizer.json"))) as TokenizerJson,
  );
  const rows = JSON.parse(await read(join(dir, "vectors.json"))) as TemplateRow[];
  const names = Object.keys((member(caseJson, "files") ?? {}) as object)
    .filter((file) => file.endsWith(".jinja"))
    .map((file) => file.slice(0, -".jinja".length));
  const out: GoldenCheck[] = [];
  for (const name of names) {
    const template = new ChatTemplate(await read(join(dir, `${name}.jinja`)));
    const check = new Comparison(`${caseName(caseJson, "chat-template")}/${name}`, "exact");
    for (const row of rows) {
      const { add_generation_prompt: addGenerationPrompt, add_vision_id: addVisionId } =
        row.options;
      const text = template.render(row.messages, {
        ...(addGenerationPrompt === undefined ? {} : { addGenerationPrompt }),
        ...(addVisionId === undefined ? {} : { addVisionId }),
        ...(row.tools === undefined ? {} : { tools: row.tools }),
      });
      check.exact(`${row.name}: text`, text, member(row, name, "text"));
      check.exact(`${row.name}: ids`, tokenizer.encode(text), member(row, name, "ids"));
    }
    out.push(check.result());
  }
  return out;
}
