import { join } from "node:path";
import {
  flowSample,
  flowTime,
  flowTimes,
  guide,
  integrateFlow,
} from "../alpamayo/flow-matching.ts";
import { withTensors } from "./case-tensors.ts";
import { caseName, Comparison, type GoldenCheck, member } from "./check.ts";

const file = "data.safetensors";

interface Field {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly w: number;
}
const evaluate = ({ a, b, c, w }: Field, x: Float32Array, t: number) =>
  x.map((v) => a * v + b * t + c * Math.sin(w * t) * Math.cos(v));

/** Training times, noisy samples, targets and loss; the Euler sampler, alone and guided, on an analytic field. */
export async function checkFlowMatching(dir: string, caseJson: unknown): Promise<GoldenCheck[]> {
  const check = new Comparison(
    caseName(caseJson, "flow-matching"),
    "1e-6 absolute; loss 1e-6 relative",
  );
  const near = { absolute: 1e-6 };
  await withTensors(join(dir, file), async (data) => {
    const read = async (name: string) => (await data.floats(name)).data;
    check.close("beta_t", (await read("beta_u")).map(flowTime), await read("beta_t"), near);
    const [action, noise, u, pred] = (await Promise.all(["x", "noise", "u", "pred"].map(read))) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const perRow = action.length / u.length;
    const flow = flowSample(action, noise, u.map(flowTime), perRow);
    check.close("timesteps", flow.time, await read("timesteps"), near);
    check.close("noisy_x", flow.noisy, await read("noisy_x"), near);
    check.close("target", flow.target, await read("target"), near);
    const loss =
      pred.reduce((sum, p, i) => sum + (p - (flow.target[i] as number)) ** 2, 0) / pred.length;
    check.close("loss", [loss], await read("loss"), { ofLargest: 1e-6 });
    const uniform = flowSample(action, noise, u, perRow);
    check.close("uniform_noisy_x", uniform.noisy, await read("uniform_noisy_x"), near);

    const start = await read("x0");
    const guided = member(caseJson, "inputs", "field", "guided and plain") as Field;
    const unguided = member(caseJson, "inputs", "field", "unguided") as Field;
    const weight = Number(member(caseJson, "inputs", "guidance_weight"));
    const temperature = Number(member(caseJson, "inputs", "temperature"));
    const rows = u.length;
    const stack = (states: readonly Float32Array[]) => {
      const out = new Float32Array(states.length * start.length);
      for (let b = 0; b < rows; b++) {
        states.forEach((state, s) => {
          out.set(state.subarray(b * perRow, (b + 1) * perRow), (b * states.length + s) * perRow);
        });
      }
      return out;
    };
    const plain = (x: Float32Array, t: number) => evaluate(guided, x, t);
    const steps = (await read("dt")).length;
    const times = flowTimes(steps);
    check.close("time_steps", times, await read("time_steps"), { absolute: 0 });
    check.close(
      "dt",
      times.slice(1).map((t, i) => t - (times[i] as number)),
      await read("dt"),
      { absolute: 0 },
    );
    check.close(
      "euler_all",
      stack(await integrateFlow(start, steps, plain)),
      await read("euler_all"),
      near,
    );
    const fewer = (await read("time_steps5")).length - 1;
    check.close(
      "euler5_all",
      stack(await integrateFlow(start, fewer, plain)),
      await read("euler5_all"),
      near,
    );
    const both = (x: Float32Array, t: number) =>
      guide(evaluate(unguided, x, t), evaluate(guided, x, t), weight);
    const scaled = start.map((v) => Math.fround(v * temperature));
    check.close(
      "guided_all",
      stack(await integrateFlow(scaled, steps, both)),
      await read("guided_all"),
      near,
    );
  });
  return [check.result()];
}
