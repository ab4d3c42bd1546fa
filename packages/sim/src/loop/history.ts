import type { LocalPath } from "@causeway/geom";
import type { EgoState } from "../world/scene.ts";

/** Poses in an observation's history, 0.1 s apart. */
export const historyRows = 16;

/** The last 16 ego poses, as a policy sees them. */
export class EgoHistory {
  private readonly x = new Float64Array(historyRows);
  private readonly y = new Float64Array(historyRows);
  private readonly yaw = new Float64Array(historyRows);
  private count = 0;

  push(ego: EgoState): void {
    const at = this.count++ % historyRows;
    this.x[at] = ego.x;
    this.y[at] = ego.y;
    this.yaw[at] = ego.yaw;
    // Before the ring is full, older rows are the first pose.
    if (this.count === 1) {
      this.x.fill(ego.x);
      this.y.fill(ego.y);
      this.yaw.fill(ego.yaw);
    }
  }

  /** Whether 1.5 s have been seen. */
  get isFull(): boolean {
    return this.count >= historyRows;
  }

  /** In the rig frame of `ego`; row 15 is the last pushed pose. */
  inRig(ego: EgoState): LocalPath {
    const out = {
      x: new Float64Array(historyRows),
      y: new Float64Array(historyRows),
      z: new Float64Array(historyRows),
      yaw: new Float64Array(historyRows),
    };
    const c = Math.cos(ego.yaw);
    const s = Math.sin(ego.yaw);
    for (let i = 0; i < historyRows; i++) {
      const at = (this.count + i) % historyRows;
      const dx = this.x[at] - ego.x;
      const dy = this.y[at] - ego.y;
      out.x[i] = dx * c + dy * s;
      out.y[i] = -dx * s + dy * c;
      out.yaw[i] = this.yaw[at] - ego.yaw;
    }
    return out;
  }
}
