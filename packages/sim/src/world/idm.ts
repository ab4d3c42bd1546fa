/**
 * Intelligent Driver Model (Treiber, Hennecke, Helbing 2000):
 *
 *   a = aMax [1 - (v/v0)^4 - (s star / s)^2],   s star = s0 + max(0, v T + v dv / (2 sqrt(aMax b)))
 */
export interface IdmParams {
  readonly accelMps2: number;
  readonly decelMps2: number;
  readonly headwaySecs: number;
  readonly minGapM: number;
}

export const trafficIdm: IdmParams = {
  accelMps2: 1.6,
  decelMps2: 2.2,
  headwaySecs: 1.3,
  minGapM: 2.5,
};

/** Free-road part; above the desired speed it brakes gently instead of with the steep fourth power. */
export function idmFree(v: number, desired: number, params: IdmParams, decelMps2: number): number {
  if (v <= desired) {
    const r = desired > 0.05 ? v / desired : 1;
    return params.accelMps2 * (1 - r * r * r * r);
  }
  return Math.max(-decelMps2, (desired - v) / 0.7);
}

/** Interaction part, to be added to the free part; `gapM` is bumper to bumper, `leadSpeedMps` along our heading. */
export function idmInteraction(
  v: number,
  gapM: number,
  leadSpeedMps: number,
  params: IdmParams,
): number {
  const gap = Math.max(0.1, gapM);
  const dynamic =
    v * params.headwaySecs +
    (v * (v - leadSpeedMps)) / (2 * Math.sqrt(params.accelMps2 * params.decelMps2));
  const star = params.minGapM + Math.max(0, dynamic);
  const r = star / gap;
  return -params.accelMps2 * r * r;
}
