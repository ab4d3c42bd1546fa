/**
 * Recordings with a policy at the wheel and the expert beside it: dataset aggregation (DAgger, Ross et al. 2011), with the
 * expert taking the wheel where the policy goes astray, so that a recording does not end in a ditch. The takeovers of such a
 * drive are what the policy should have done at the moments that it brought itself into.
 */
import type { Plan, Policy } from "../policy.ts";
import { historyRows } from "../loop/history.ts";
import { type ActivePlan, activatePlan, trackPlan } from "../loop/track.ts";
import { type DriveOptions, DriveRecorder, isAstray, type SimulatedDrive } from "./recorder.ts";

/** The expert gives the wheel back when the car is this near to its line again, m and rad, and this long after, ticks. */
const backOnLine = { lateralM: 0.4, headingRad: 0.06, ticks: 10 } as const;
interface Seat {
  readonly recorder: DriveRecorder;
  plan: ActivePlan | null;
  /** Ticks that the expert still drives; it begins, because the history must fill. */
  rescue: number;
}

/**
 * @param wishes   Which drives; they run in lockstep, so that each call of the policy serves all.
 * @param replanEverySteps  Ticks between plans.
 * @returns in the order of `wishes`
 */
export async function recordOnPolicy(
  wishes: readonly DriveOptions[],
  policy: Policy,
  replanEverySteps: number,
  onTick?: (tick: number) => void,
): Promise<SimulatedDrive[]> {
  const seats = wishes.map(
    (wish): Seat => ({
      recorder: new DriveRecorder({ ...wish, driver: policy.name }),
      plan: null,
      rescue: historyRows,
    }),
  );
  for (let tick = 0; seats.some(({ recorder }) => !recorder.isDone); tick++) {
    const active = seats.filter(({ recorder }) => !recorder.isDone);
    for (const { recorder } of active) recorder.sense();
    for (const seat of active) updateRescue(seat);
    const asked = active.filter(
      ({ rescue, plan }) => rescue === 0 && (plan === null || tick % replanEverySteps === 0),
    );
    if (asked.length > 0) {
      const plans = await policy.act(asked.map(({ recorder }) => recorder.observe()));
      asked.forEach((seat, i) => {
        const { path } = plans[i] as Plan;
        seat.plan = activatePlan(path, seat.recorder.ego, tick);
        // A plan with numbers that are none is as good as none.
        if (seat.plan === null) seat.rescue = backOnLine.ticks;
      });
    }
    for (const { recorder, plan, rescue } of active)
      recorder.advance(rescue > 0 || plan === null ? null : trackPlan(plan, recorder.ego, tick));
    onTick?.(tick);
  }
  return seats.map(({ recorder }) => recorder.finish());
}

function updateRescue(seat: Seat): void {
  const { expert } = seat.recorder;
  if (isAstray(expert)) {
    seat.rescue = backOnLine.ticks;
    seat.plan = null;
  } else if (seat.rescue > 0) {
    const isBack =
      Math.abs(expert.lateralErrorM) < backOnLine.lateralM &&
      Math.abs(expert.headingErrorRad) < backOnLine.headingRad;
    if (isBack || seat.recorder.tick < historyRows) seat.rescue--;
  }
}
