import { join } from "node:path";
import { gather, gradients, Graph, tensor, tensorInt64, type Value } from "@causeway/graph";
import { stage1Loss } from "../alpamayo/training.ts";
import { runOnce } from "./action-in-proj.ts";
import { integerRows, withTensors } from "./case-tensors.ts";
import { Comparison, type GoldenCheck, member } from "./check.ts";
import { stage1LossVariants } from "./match.ts";

const file = "data.safetensors";

/** Which labelled tokens are trajectory tokens: future bins and the start and end token. */
export interface TrajectoryIds {
  readonly futureFirst: number;
  readonly futureBins: number;
  readonly start: number;
  readonly end: number;
}

/** Rows, labels and weights of the two means; a label at t is predicted from t - 1. */
export function stage1Labels(
  ids: readonly (readonly number[])[],
  isLabel: readonly (readonly number[])[],
  { futureFirst, futureBins, start, end }: TrajectoryIds,
): { rows: number[]; labels: number[]; trajectory: number[]; others: number[] } {
  const rows: number[] = [];
  const labels: number[] = [];
  const kinds: boolean[] = [];
  for (const [b, row] of ids.entries()) {
    for (let t = 1; t < row.length; t++) {
      if ((isLabel[b] as readonly number[])[t] !== 1) continue;
      const id = row[t] as number;
      rows.push(b * row.length + t - 1);
      labels.push(id);
      kinds.push(
        id === start || id === end || (id >= futureFirst && id < futureFirst + futureBins),
      );
    }
  }
  const count = kinds.filter(Boolean).length;
  return {
    rows,
    labels,
    trajectory: kinds.map((is) => (is ? 1 / count : 0)),
    others: kinds.map((is) => (is ? 0 : 1 / (kinds.length - count))),
  };
}

/** The two-mean loss on given logits, with empty parts, and its gradient. */
export async function checkStage1Loss(dir: string, caseJson: unknown): Promise<GoldenCheck[]> {
  const setting = (key: string) => Number(member(caseJson, "config", key));
  const ids: TrajectoryIds = {
    futureFirst: setting("future_token_start_idx"),
    futureBins: setting("traj_vocab_size"),
    start: setting("traj_future_start"),
    end: setting("traj_future_end"),
  };
  return withTensors(join(dir, file), async (data) => {
    const out: GoldenCheck[] = [];
    for (const variant of stage1LossVariants(caseJson)) {
      const check = new Comparison(
        `${String(member(caseJson, "case"))}/${variant}`,
        "1e-6 absolute",
      );
      const near = { absolute: 1e-6 };
      const read = async (name: string) => (await data.floats(`${variant}.${name}`)).data;
      const { shape } = data.entry(`${variant}.logits`);
      const [batch, length, vocab] = shape as [number, number, number];
      const chosen = stage1Labels(
        await integerRows(data, `${variant}.ids`),
        await integerRows(data, `${variant}.labels_mask`),
        ids,
      );
      // One unused row keeps the graph's sizes above 0 when nothing is labelled.
      const rows = [...chosen.rows, 0];
      const g = new Graph();
      const logits = g.input("logits", [batch * length, vocab]);
      const n = rows.length;
      const picked = gather(logits, g.input("rows", [n], "int64"), 0);
      const result = stage1Loss(picked, {
        labels: g.input("labels", [n], "int64"),
        trajectoryWeights: g.input("trajectory", [n]),
        otherWeights: g.input("others", [n]),
      });
      const [grad] = gradients(result.loss, [logits]) as [Value];
      const run = await runOnce(
        g,
        { loss: result.loss, ...Object.fromEntries(result.parts), grad_logits: grad },
        new Map([
          ["logits", tensor(await read("logits"), [batch * length, vocab])],
          ["rows", tensorInt64(rows, [n])],
          ["labels", tensorInt64([...chosen.labels, 0], [n])],
          ["trajectory", tensor([...chosen.trajectory, 0], [n])],
          ["others", tensor([...chosen.others, 0], [n])],
        ]),
      );
      for (const name of ["loss", "loss_future_traj", "loss_others", "grad_logits"]) {
        check.close(name, run(name), await read(name), near);
      }
      out.push(check.result());
    }
    return out;
  });
}
