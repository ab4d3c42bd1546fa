import { basename, join } from "node:path";
import { createActionSpace, createFutureTokenizer, type LocalPath } from "@causeway/geom";
import { gradients, tensor, tensorInt64, type Value } from "@causeway/graph";
import { expertMask } from "../alpamayo/expert.ts";
import { flowSample, flowTime } from "../alpamayo/flow-matching.ts";
import { buildStage1, buildStage2 } from "../alpamayo/training.ts";
import type { Grid } from "../qwen3vl/positions.ts";
import { runOnce } from "./action-in-proj.ts";
import { prepareCase } from "./backbone-case.ts";
import { integerRows, withTensors } from "./case-tensors.ts";
import { Comparison, type GoldenCheck, member } from "./check.ts";
import { stage1Labels } from "./stage1-loss.ts";
import { fuseHistory, pathsOf, readTinyModel, type TinyModel } from "./tiny-model.ts";

const file = "data.safetensors";

/** The folder beside this one whose weights a case names. */
function weightsFolder(dir: string, caseJson: unknown): string {
  const words = JSON.stringify(member(caseJson, "inputs") ?? {});
  const named = /([\w-]+)\/model\.safetensors/.exec(words)?.[1];
  if (named === undefined) throw new Error(`case does not name its weights. (${dir})`);
  return join(dir, "..", basename(named));
}

async function compareGradients(
  check: Comparison,
  dir: string,
  names: readonly string[],
  run: (name: string) => Float32Array,
): Promise<void> {
  await withTensors(join(dir, "grads.safetensors"), async (grads) => {
    check.exact(
      "trained weights",
      [...names].toSorted(),
      grads.names.map((n) => n.replace(/^grad\./, "")).toSorted(),
    );
    for (const name of names) {
      check.close(`grad.${name}`, run(`grad.${name}`), (await grads.floats(`grad.${name}`)).data, {
        ofLargest: 1e-3,
      });
    }
  });
}

/** Future placeholders replaced by the discrete tokens of each row's future. */
function fuseFuture(
  model: TinyModel,
  ids: readonly (readonly number[])[],
  futures: readonly LocalPath[],
  histories: readonly LocalPath[],
): number[][] {
  const { bins, min, max } = model.config.futureTokens;
  const tokenizer = createFutureTokenizer({
    bins,
    min,
    max,
    actionSpace: createActionSpace(model.config.actionSpace),
  });
  return ids.map((row, b) => {
    const local = tokenizer.encode(futures[b] as LocalPath, { history: histories[b] as LocalPath });
    let k = 0;
    return row.map((id) =>
      id === model.ids.future.futurePlaceholder
        ? model.ids.futureFirst + (local[k++] as number)
        : id,
    );
  });
}

/** The two-mean loss of a left-padded batch and all gradients of the VLM. */
export async function checkStage1(dir: string, caseJson: unknown): Promise<GoldenCheck[]> {
  const model = await readTinyModel(weightsFolder(dir, caseJson));
  const check = new Comparison(
    String(member(caseJson, "case")),
    "loss 1e-5 relative; token losses 2e-4; gradients 1e-3 of the largest entry",
  );
  await withTensors(join(dir, file), async (data) => {
    const histories = pathsOf(
      await data.floats("ego_history_xyz"),
      await data.floats("ego_history_rot"),
    );
    const futures = pathsOf(
      await data.floats("ego_future_xyz"),
      await data.floats("ego_future_rot"),
    );
    const expectedIds = await integerRows(data, "input_ids");
    const fused = fuseFuture(
      model,
      fuseHistory(model, await integerRows(data, "input_ids_before_fusion"), histories),
      futures,
      histories,
    );
    // The future's bins come from least squares: a value on a border may round the other way in another precision.
    const moved = fused
      .flatMap((row, b) =>
        row.map((id, t) => Math.abs(id - ((expectedIds[b] as number[])[t] as number))),
      )
      .filter((d) => d > 0);
    check.exact(
      "input_ids (largest bin difference)",
      moved.length <= 2 && moved.every((d) => d === 1),
      true,
    );
    if (moved.length > 0)
      check.remark(`${moved.length} future bins differ by one; the stored ids were used`);
    const isLabel = await integerRows(data, "labels_mask");
    const chosen = stage1Labels(expectedIds, isLabel, {
      futureFirst: model.ids.futureFirst,
      futureBins: model.config.futureTokens.bins,
      start: model.ids.future.futureStart,
      end: model.ids.future.futureEnd,
    });
    const { shape, feeds } = prepareCase(model.config.vlm, {
      ids: expectedIds,
      attentionMask: await integerRows(data, "attention_mask"),
      images: (await integerRows(data, "image_grid_thw")) as unknown as Grid[],
      pixels: (await data.floats("pixel_values")).data,
    });
    const labels = chosen.rows.length;
    const stage = buildStage1(model.config, { ...shape, labels });
    feeds.set("label_rows", tensorInt64(chosen.rows, [labels]));
    feeds.set("labels", tensorInt64(chosen.labels, [labels]));
    feeds.set("trajectory_weights", tensor(chosen.trajectory, [labels]));
    feeds.set("other_weights", tensor(chosen.others, [labels]));
    for (const [name, weight] of await model.feeds(stage.graph)) feeds.set(name, weight);
    const names = [...stage.trainable.keys()];
    const grads = gradients(
      stage.loss,
      names.map((name) => stage.trainable.get(name) as Value),
    );
    const outputs: Record<string, Value> = {
      loss: stage.loss,
      ...Object.fromEntries(stage.parts),
      token_nll: stage.tokenLoss,
    };
    names.forEach((name, i) => {
      outputs[`grad.${name}`] = grads[i] as Value;
    });
    const run = await runOnce(stage.graph, outputs, feeds);
    for (const name of ["loss", "loss_future_traj", "loss_others"]) {
      check.close(name, run(name), (await data.floats(name)).data, { ofLargest: 1e-5 });
    }
    const nll = (await data.floats("token_nll")).data;
    check.close(
      "token_nll",
      run("token_nll"),
      chosen.rows.map((row) => nll[row + 1] as number),
      { absolute: 2e-4 },
    );
    await compareGradients(check, dir, names, run);
  });
  return [check.result()];
}

/** Flow-matching loss and the gradients of expert and projections. */
export async function checkStage2(dir: string, caseJson: unknown): Promise<GoldenCheck[]> {
  const model = await readTinyModel(weightsFolder(dir, caseJson));
  const check = new Comparison(
    String(member(caseJson, "case")),
    "action 2e-3; pred 2e-4; loss 1e-4 relative; gradients 1e-3 of the largest entry",
  );
  await withTensors(join(dir, file), async (data) => {
    const histories = pathsOf(
      await data.floats("ego_history_xyz"),
      await data.floats("ego_history_rot"),
    );
    const futures = pathsOf(
      await data.floats("ego_future_xyz"),
      await data.floats("ego_future_rot"),
    );
    const space = createActionSpace(model.config.actionSpace);
    const action = (await data.floats("action")).data;
    check.close(
      "action",
      futures.flatMap((future, b) => [
        ...space.encode(future, { history: histories[b] as LocalPath }).action,
      ]),
      action,
      { absolute: 2e-3 },
    );
    const [prefixLength] = (await data.integers("prefix_len")).data as [number];
    const fused = fuseHistory(model, await integerRows(data, "input_ids_before_fusion"), histories);
    const offsets = fused.map((row) => row.lastIndexOf(model.ids.future.futureStart) + 1);
    check.exact("prefix_len", Math.max(...offsets), prefixLength);
    const { shape, feeds, positions, rotary } = prepareCase(model.config.vlm, {
      ids: fused.map((row) => row.slice(0, prefixLength)),
      attentionMask: null,
      images: (await integerRows(data, "image_grid_thw")) as unknown as Grid[],
      pixels: (await data.floats("pixel_values")).data,
    });
    const time = (await data.floats("u")).data.map(flowTime);
    check.close("t", time, (await data.floats("t")).data, { absolute: 1e-6 });
    const perRow = action.length / shape.batch;
    const flow = flowSample(action, (await data.floats("noise")).data, time, perRow);
    check.close("noisy_x", flow.noisy, (await data.floats("noisy_x")).data, { absolute: 1e-6 });
    const steps = model.config.actionSpace.waypointCount;
    const half = model.config.vlm.text.headDim / 2;
    const place = positions.next.flatMap((first) =>
      Array.from({ length: steps }, (_, k) => first + k),
    );
    check.exact(
      "position_ids",
      place,
      (await data.integers("position_ids")).data.slice(0, place.length),
    );
    const { cos, sin } = rotary.lookupPlain(place);
    feeds.set("noisy", tensor(flow.noisy, [shape.batch, steps, 2]));
    feeds.set("time", tensor(flow.time, [shape.batch, 1, 1]));
    feeds.set("target", tensor(flow.target, [shape.batch, steps, 2]));
    feeds.set(
      "expert_mask",
      tensor(expertMask(offsets, null, prefixLength, steps), [
        shape.batch,
        1,
        1,
        prefixLength + steps,
      ]),
    );
    feeds.set("expert_cos", tensor(cos, [shape.batch, steps, half]));
    feeds.set("expert_sin", tensor(sin, [shape.batch, steps, half]));
    // With the defect, a second file holds what upstream computes when the library adds its own causal mask.
    for (const upstream of [null, "sdpa_causal"] as const) {
      const stored = upstream === null ? file : `${upstream}.safetensors`;
      if (member(caseJson, "files", stored) === undefined) continue;
      const stage = buildStage2(model.config, {
        ...shape,
        drawsPerSample: 1,
        ...(upstream === null ? {} : { upstream }),
      });
      for (const [name, weight] of await model.feeds(stage.graph)) feeds.set(name, weight);
      const names = [...stage.trainable.keys()];
      const grads = gradients(
        stage.loss,
        names.map((name) => stage.trainable.get(name) as Value),
      );
      const outputs: Record<string, Value> = { loss: stage.loss, pred: stage.expert.velocity };
      names.forEach((name, i) => {
        outputs[`grad.${name}`] = grads[i] as Value;
      });
      const run = await runOnce(stage.graph, outputs, feeds);
      await withTensors(join(dir, stored), async (expected) => {
        const label = (name: string) => (upstream === null ? name : `${upstream} ${name}`);
        check.close(label("pred"), run("pred"), (await expected.floats("pred")).data, {
          absolute: 2e-4,
        });
        check.close(label("loss"), run("loss"), (await expected.floats("loss")).data, {
          ofLargest: 1e-4,
        });
        if (upstream === null) return;
        for (const name of names.filter((n) => expected.has(`grad.${n}`)))
          check.close(
            label(`grad.${name}`),
            run(`grad.${name}`),
            (await expected.floats(`grad.${name}`)).data,
            { ofLargest: 1e-3 },
          );
      });
      if (upstream === null) await compareGradients(check, dir, names, run);
    }
  });
  return [check.result()];
}
