/**
 * The oracle teacher: labels from the truth of a simulated drive, worded by templates. It knows what the privileged driver
 * decided at t0 and why, so its labels are right by construction, and its language is plain by construction; rows say
 * `teacher: "oracle"` so that nobody takes them for a model's or a person's.
 * It reads the decision and the motion at t0 and nothing later.
 */
import type { DecisionFrame, Drive, DrivingDecision } from "@causeway/data";
import { createRng, lastAtOrBefore, resampleAt, type EgoMotion } from "@causeway/geom";
import { hashColumns, hashJson } from "../hash.ts";
import { templateHash, templateVersion } from "./phrases.ts";
import { renderTrace } from "./render.ts";
import { cocLabelSchemaId, LabelError, type CocLabel } from "./schema.ts";

export interface OracleOptions {
  /** Chooses among wordings; with the label id it fixes every byte. */
  readonly seed: number;
  /** A decision older than this at t0 is not used. */
  readonly maxAgeUs: number;
}
export const defaultOracleOptions: OracleOptions = { seed: 0, maxAgeUs: 150_000 };

const stampsOf = new WeakMap<readonly DecisionFrame[], Float64Array>();
const motionHashes = new WeakMap<EgoMotion, string>();

function motionHash(motion: EgoMotion): string {
  let hash = motionHashes.get(motion);
  if (hash === undefined) {
    const { stampUs, x, y, z, qw, qx, qy, qz, vx, vy, vz } = motion;
    hash = hashColumns([stampUs, x, y, z, qw, qx, qy, qz, vx, vy, vz]);
    motionHashes.set(motion, hash);
  }
  return hash;
}

/** The privileged driver's decision at a time; an error where the drive has none. */
export function decisionAt(
  drive: Pick<Drive, "id" | "decisions">,
  t0Us: number,
  maxAgeUs: number = defaultOracleOptions.maxAgeUs,
): DrivingDecision {
  const { decisions } = drive;
  if (decisions === null || decisions.length === 0) {
    throw new LabelError(
      "no-truth",
      `oracle ${drive.id}@${t0Us}: the drive has no decisions; expected a simulated drive with truth. Use a model as teacher for recorded drives.`,
    );
  }
  let stamps = stampsOf.get(decisions);
  if (stamps === undefined) {
    stamps = Float64Array.from(decisions, (d) => d.stampUs);
    stampsOf.set(decisions, stamps);
  }
  const i = lastAtOrBefore(stamps, t0Us);
  if (i < 0 || t0Us - stamps[i] > maxAgeUs) {
    throw new LabelError(
      "out-of-range",
      `oracle ${drive.id}@${t0Us}: the last decision at or before t0 is ${i < 0 ? "none" : `at ${stamps[i]} us`}; decisions span ${stamps[0]} … ${stamps[stamps.length - 1]} us. Choose a t0 inside.`,
    );
  }
  return decisions[i].decision;
}

export function oracleLabel(
  drive: Pick<Drive, "id" | "decisions" | "egoMotion">,
  t0Us: number,
  options: Partial<OracleOptions> = {},
): CocLabel {
  const { seed, maxAgeUs } = { ...defaultOracleOptions, ...options };
  const decision = decisionAt(drive, t0Us, maxAgeUs);
  if (drive.egoMotion.stampUs.length === 0) {
    throw new LabelError(
      "no-truth",
      `oracle ${drive.id}@${t0Us}: the drive has no ego motion, which the wording depends on. Import it with its motion.`,
    );
  }
  const now = resampleAt(drive.egoMotion, Float64Array.of(t0Us));
  const id = `${drive.id}@${t0Us}`;
  const ego = { speedMps: Math.hypot(now.vx[0], now.vy[0]) };
  const trace = renderTrace(decision, ego, createRng(seed).fork(id));
  return {
    schema: cocLabelSchemaId,
    id,
    driveId: drive.id,
    t0Us,
    window: { startUs: t0Us, endUs: t0Us },
    teacher: "oracle",
    origin: "auto",
    template: { version: templateVersion, hash: templateHash },
    seed,
    inputs: { motion: motionHash(drive.egoMotion), decision: hashJson(decision) },
    status: trace === null ? "no-decision" : "accepted",
    statusReason: trace === null ? "the driver decides nothing on either axis" : null,
    longitudinal: decision.longitudinal,
    lateral: decision.lateral,
    lateralSide: decision.lateralSide,
    components: decision.components.map((c) => ({ ...c, attributes: { ...c.attributes } })),
    causeIds: [...decision.causeIds],
    trace,
  };
}
