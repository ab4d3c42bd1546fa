import { action, type CommonOptions, createCommand } from "../../command.ts";

interface Options extends CommonOptions {
  readonly html?: string;
  readonly names?: string;
}

export const command = createCommand("compare", "Compare two evaluations of the same items.", [
  "causeway score compare scores/base scores/tuned",
  "causeway score compare scores/base scores/tuned --names base,tuned --html compare.html",
])
  .argument("<a>", "folder of an evaluation (score.json, items.jsonl)")
  .argument("<b>", "folder of the other one")
  .option("--names <a,b>", "how to call them (default: the folders' names)")
  .option("--html <file>", "also write a page with the items that changed most")
  .action(
    action<Options, [string, string]>("score compare", async (context, options, a, b) => {
      const { compareScores } = await import("../../score/compare.ts");
      return compareScores(context, options, a, b);
    }),
  );
