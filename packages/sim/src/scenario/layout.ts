/** Road shapes for scenarios: winding sections, junction approaches, and a check that roads do not run into each other. */
import type { Rng } from "@causeway/geom";
import { curve, type PathPiece, straight } from "../geometry/path.ts";
import { type Network, roadHalfWidthM } from "../road/network.ts";

export interface WindingStyle {
  readonly radiusM: readonly [number, number];
  readonly angleRad: readonly [number, number];
  readonly straightM: readonly [number, number];
  /** Heading of the section stays within this much of its start. */
  readonly maxHeadingRad: number;
}

/** Bends that need little or no braking. */
export const gentleBends: WindingStyle = {
  radiusM: [75, 220],
  angleRad: [0.25, 0.75],
  straightM: [12, 45],
  maxHeadingRad: 0.85,
};

/** Bends that every driver slows down for. */
export const sharpBends: WindingStyle = {
  radiusM: [16, 55],
  angleRad: [0.6, 1.5],
  straightM: [15, 45],
  maxHeadingRad: 1.5,
};

/** Straights and bends in random order and direction, at least `lengthM` long. */
export function winding(rng: Rng, lengthM: number, style: WindingStyle): PathPiece[] {
  const pieces: PathPiece[] = [];
  let total = 0;
  let heading = 0;
  const add = (piece: PathPiece) => {
    pieces.push(piece);
    total += piece.lengthM;
  };
  while (total < lengthM) {
    add(straight(rng.uniform(...style.straightM)));
    const size = rng.uniform(...style.angleRad);
    let sign = rng.next() < 0.5 ? -1 : 1;
    if (Math.abs(heading + sign * size) > style.maxHeadingRad) sign = -sign;
    if (Math.abs(heading + sign * size) > style.maxHeadingRad) continue;
    heading += sign * size;
    for (const piece of curve(rng.uniform(...style.radiusM), sign * size)) add(piece);
  }
  add(straight(15));
  return pieces;
}

/** Whether parts of the network that should be apart come closer than their pavements allow. */
export function roadsCollide(network: Network): boolean {
  const marks: { x: number; y: number; road: number; s: number; half: number }[] = [];
  for (const road of network.roads) {
    const step = Math.max(1, Math.round(4 / road.ref.stepM));
    for (let i = 0; i < road.ref.x.length; i += step) {
      marks.push({
        x: road.ref.x[i],
        y: road.ref.y[i],
        road: road.id,
        s: i * road.ref.stepM,
        half: roadHalfWidthM(road),
      });
    }
  }
  const reach = 2 * (marks[0]?.half ?? 0) + 3;
  for (let i = 0; i < marks.length; i++) {
    for (let j = i + 1; j < marks.length; j++) {
      const a = marks[i];
      const b = marks[j];
      const dx = a.x - b.x;
      const dy = a.y - b.y;
      if (dx * dx + dy * dy > reach * reach) continue;
      if (a.road === b.road && Math.abs(a.s - b.s) < 3 * reach) continue;
      // Arms of one junction are near each other at the junction.
      const atJunction = network.junctions.some(
        (junction) =>
          Math.hypot(a.x - junction.x, a.y - junction.y) < junction.halfM + reach &&
          Math.hypot(b.x - junction.x, b.y - junction.y) < junction.halfM + reach,
      );
      if (!atJunction) return true;
    }
  }
  return false;
}
