/** Every number of the kinematic rules, in one table. Units: m, s, rad. */
export interface KinematicThresholds {
  readonly version: string;
  /** Claims must hold within this time after t0. */
  readonly horizonSecs: number;
  /** Claims to go on as before are held to this time only … */
  readonly soonSecs: number;
  /** … and are contradicted only by a change that begins within this: what begins later is a later decision. */
  readonly onsetSecs: number;
  readonly standingMps: number;
  /** A claim to slow down or speed up needs this change … */
  readonly speedChangeMps: number;
  /** … or less than that but this much is a gentle yes (warn). */
  readonly gentleChangeMps: number;
  /** … or an acceleration of this size kept for `holdSecs`. */
  readonly gentleAccelMps2: number;
  readonly holdSecs: number;
  readonly strongAccelMps2: number;
  /** Speed lost in the last second of the window that shows braking still under way. */
  readonly endBrakeMps: number;
  /** A standing car that claims to wait may not reach this within `setOffSecs`. */
  readonly setOffMps: number;
  readonly setOffSecs: number;
  /** "Steady": at most this, or this share of the speed. */
  readonly steadyMps: number;
  readonly steadyShare: number;
  /** A follower may gain this much. */
  readonly followGainMps: number;
  readonly turnRad: number;
  readonly turnWarnRad: number;
  readonly turnBegunRad: number;
  /** Heading change within 15 m that only a turn makes (radius 60 m). */
  readonly turnTightRad: number;
  /** A turn is not judged on a shorter way. */
  readonly turnWayM: number;
  readonly keepRad: number;
  readonly laneChangeM: number;
  /** Less of a lane change inside the window is a weak yes. */
  readonly laneChangeBegunM: number;
  readonly nudgeM: number;
  readonly avoidM: number;
  readonly pullOverM: number;
  readonly curveRad: number;
  readonly curvePerM: number;
  readonly reverseMps: number;
}

export const kinematics1: KinematicThresholds = {
  version: "kinematics-1",
  horizonSecs: 6.4,
  soonSecs: 3,
  onsetSecs: 0.8,
  standingMps: 0.5,
  speedChangeMps: 0.8,
  gentleChangeMps: 0.3,
  gentleAccelMps2: 0.15,
  holdSecs: 0.8,
  strongAccelMps2: 1.4,
  endBrakeMps: 0.5,
  setOffMps: 1.5,
  setOffSecs: 1.2,
  steadyMps: 2,
  steadyShare: 0.15,
  followGainMps: 1.5,
  turnRad: 0.349,
  turnWarnRad: 0.262,
  turnBegunRad: 0.087,
  turnTightRad: 0.25,
  turnWayM: 12,
  keepRad: 1.05,
  laneChangeM: 1.5,
  laneChangeBegunM: 0.5,
  nudgeM: 0.2,
  avoidM: 0.3,
  pullOverM: 0.5,
  curveRad: 0.1,
  curvePerM: 0.01,
  reverseMps: -0.12,
};

/** The table with every magnitude that a claim must reach scaled; times and speeds that only define "standing" stay. */
export function scaleThresholds(t: KinematicThresholds, factor: number): KinematicThresholds {
  const scaled: KinematicThresholds = { ...t };
  const keys = [
    "speedChangeMps",
    "gentleChangeMps",
    "gentleAccelMps2",
    "strongAccelMps2",
    "endBrakeMps",
    "setOffMps",
    "steadyMps",
    "steadyShare",
    "followGainMps",
    "turnRad",
    "turnWarnRad",
    "turnBegunRad",
    "turnTightRad",
    "keepRad",
    "laneChangeM",
    "laneChangeBegunM",
    "nudgeM",
    "avoidM",
    "pullOverM",
    "curveRad",
    "curvePerM",
    "reverseMps",
  ] as const;
  const values = Object.fromEntries(keys.map((k) => [k, t[k] * factor]));
  return Object.assign(scaled, values);
}
