/** A small software rasteriser: flat convex polygons with a depth buffer, and soft round splats. */
import { type CameraSpec, focalPx } from "./rig.ts";

/** Camera space: x right, y down, z forward, metres. */
const nearM = 0.25;
const maxVertices = 16;

export class Canvas {
  readonly width: number;
  readonly height: number;
  readonly focal: number;
  readonly cx: number;
  readonly cy: number;
  pixels: Uint8Array;
  /** 1 / depth of the nearest surface so far; 0 = nothing but ground and sky. */
  readonly nearness: Float32Array;
  // Camera pose in the world.
  camX = 0;
  camY = 0;
  camZ = 0;
  fwdX = 1;
  fwdY = 0;
  /** Surface light and fog of the scene. */
  light = 1;
  fog = 0;
  fogColor = 0;
  sunX = 1;
  sunY = 0;

  private readonly vx = new Float64Array(maxVertices);
  private readonly vy = new Float64Array(maxVertices);
  private readonly vz = new Float64Array(maxVertices);
  private count = 0;
  private readonly px = new Float64Array(maxVertices);
  private readonly py = new Float64Array(maxVertices);
  private readonly pw = new Float64Array(maxVertices);

  constructor(camera: CameraSpec) {
    this.width = camera.width;
    this.height = camera.height;
    this.focal = focalPx(camera);
    this.cx = 0.5 * camera.width;
    this.cy = camera.horizon * camera.height;
    this.pixels = new Uint8Array(3 * camera.width * camera.height);
    this.nearness = new Float32Array(camera.width * camera.height);
  }

  begin(): void {
    this.count = 0;
  }

  /** Adds a vertex in world coordinates. */
  vertex(x: number, y: number, z: number): void {
    const dx = x - this.camX;
    const dy = y - this.camY;
    const i = this.count++;
    this.vx[i] = dx * this.fwdY - dy * this.fwdX;
    this.vy[i] = this.camZ - z;
    this.vz[i] = dx * this.fwdX + dy * this.fwdY;
  }

  /** Colour after light (factor `lit`) and fog at a distance. Emissive surfaces pass lit < 0. */
  tone(color: number, lit: number, distance: number): number {
    let r = color >> 16;
    let g = (color >> 8) & 255;
    let b = color & 255;
    if (lit >= 0) {
      const k = lit * this.light;
      r = Math.min(255, r * k);
      g = Math.min(255, g * k);
      b = Math.min(255, b * k);
    }
    const f = 1 - Math.exp(-this.fog * distance);
    r += ((this.fogColor >> 16) - r) * f;
    g += (((this.fogColor >> 8) & 255) - g) * f;
    b += ((this.fogColor & 255) - b) * f;
    return (r << 16) | (g << 8) | (b | 0);
  }

  /** Fills the polygon begun with `begin` and `vertex`. */
  fill(color: number, lit: number): void {
    let n = this.clipNear();
    if (n < 3) return;
    const { px, py, pw, focal, cx, cy, width, height } = this;
    let minY = 1e9;
    let maxY = -1e9;
    let minX = 1e9;
    let maxX = -1e9;
    let depth = 0;
    for (let i = 0; i < n; i++) {
      const w = 1 / this.vz[i];
      depth += this.vz[i];
      const x = cx + focal * this.vx[i] * w;
      const y = cy + focal * this.vy[i] * w;
      px[i] = x;
      py[i] = y;
      pw[i] = w;
      if (y < minY) minY = y;
      if (y > maxY) maxY = y;
      if (x < minX) minX = x;
      if (x > maxX) maxX = x;
    }
    if (maxX < 0 || minX > width || maxY < 0 || minY > height) return;
    // Gradients of 1 / depth over the screen from the triangle with the largest area.
    let area = 0;
    let a = 1;
    let b = 2;
    for (let i = 1; i + 1 < n; i++) {
      const t = (px[i] - px[0]) * (py[i + 1] - py[0]) - (px[i + 1] - px[0]) * (py[i] - py[0]);
      if (Math.abs(t) > Math.abs(area)) {
        area = t;
        a = i;
        b = i + 1;
      }
    }
    if (Math.abs(area) < 1e-6) return;
    const dwdx = ((pw[a] - pw[0]) * (py[b] - py[0]) - (pw[b] - pw[0]) * (py[a] - py[0])) / area;
    const dwdy = ((px[a] - px[0]) * (pw[b] - pw[0]) - (px[b] - px[0]) * (pw[a] - pw[0])) / area;
    const tone = this.tone(color, lit, depth / n);
    const r = tone >> 16;
    const g = (tone >> 8) & 255;
    const bl = tone & 255;
    const y0 = Math.max(0, Math.ceil(minY - 0.5));
    const y1 = Math.min(height - 1, Math.floor(maxY - 0.5));
    const { nearness, pixels } = this;
    for (let y = y0; y <= y1; y++) {
      const yc = y + 0.5;
      let left = 1e9;
      let right = -1e9;
      for (let i = 0; i < n; i++) {
        const j = i + 1 === n ? 0 : i + 1;
        const ya = py[i];
        const yb = py[j];
        if ((ya <= yc && yb > yc) || (yb <= yc && ya > yc)) {
          const x = px[i] + ((yc - ya) / (yb - ya)) * (px[j] - px[i]);
          if (x < left) left = x;
          if (x > right) right = x;
        }
      }
      const x0 = Math.max(0, Math.ceil(left - 0.5));
      const x1 = Math.min(width - 1, Math.ceil(right - 0.5) - 1);
      if (x1 < x0) continue;
      let w = pw[0] + dwdx * (x0 + 0.5 - px[0]) + dwdy * (yc - py[0]);
      let at = y * width + x0;
      for (let x = x0; x <= x1; x++, at++, w += dwdx) {
        if (w <= nearness[at]) continue;
        nearness[at] = w;
        const k = 3 * at;
        pixels[k] = r;
        pixels[k + 1] = g;
        pixels[k + 2] = bl;
      }
    }
    n = 0;
  }

  /** Clips the vertices in place against the near plane (Sutherland-Hodgman); returns how many are left. */
  private clipNear(): number {
    const n = this.count;
    const { vx, vy, vz } = this;
    let inside = 0;
    for (let i = 0; i < n; i++) if (vz[i] >= nearM) inside++;
    if (inside === n) return n;
    if (inside === 0) return 0;
    const sx = Array.from(vx.subarray(0, n));
    const sy = Array.from(vy.subarray(0, n));
    const sz = Array.from(vz.subarray(0, n));
    let m = 0;
    const put = (x: number, y: number, z: number) => {
      vx[m] = x;
      vy[m] = y;
      vz[m] = z;
      m++;
    };
    for (let i = 0; i < n; i++) {
      const j = i + 1 === n ? 0 : i + 1;
      const inI = sz[i] >= nearM;
      const inJ = sz[j] >= nearM;
      if (inI) put(sx[i], sy[i], sz[i]);
      if (inI !== inJ) {
        const u = (nearM - sz[i]) / (sz[j] - sz[i]);
        put(sx[i] + u * (sx[j] - sx[i]), sy[i] + u * (sy[j] - sy[i]), nearM);
      }
    }
    return m;
  }

  /**
   * A soft disc at a world point, at least `minPx` in radius; emissive when `lit` < 0. `halo` adds a glow of that
   * strength out to 2.4 radii. `liftPx` shifts it up the screen (lamps of a head drawn larger than life).
   */
  splat(
    x: number,
    y: number,
    z: number,
    radiusM: number,
    minPx: number,
    color: number,
    lit: number,
    halo: number,
    liftPx = 0,
  ): void {
    const dx = x - this.camX;
    const dy = y - this.camY;
    const depth = dx * this.fwdX + dy * this.fwdY;
    if (depth < 0.5) return;
    const w = 1 / depth;
    const sx = this.cx + this.focal * (dx * this.fwdY - dy * this.fwdX) * w;
    const sy = this.cy + this.focal * (this.camZ - z) * w - liftPx;
    const radius = Math.max(minPx, this.focal * radiusM * w);
    const reach = halo > 0 ? 2.4 * radius : radius + 0.5;
    const { width, height, pixels, nearness } = this;
    if (sx + reach < 0 || sx - reach > width || sy + reach < 0 || sy - reach > height) return;
    const tone = lit < 0 ? color : this.tone(color, lit, depth);
    const r = tone >> 16;
    const g = (tone >> 8) & 255;
    const b = tone & 255;
    // Lamps sit on surfaces: half a metre of grace decides in their favour.
    const test = 1 / Math.max(0.3, depth - 0.5);
    const x0 = Math.max(0, Math.floor(sx - reach));
    const x1 = Math.min(width - 1, Math.ceil(sx + reach));
    const y0 = Math.max(0, Math.floor(sy - reach));
    const y1 = Math.min(height - 1, Math.ceil(sy + reach));
    for (let py = y0; py <= y1; py++) {
      for (let px = x0; px <= x1; px++) {
        const at = py * width + px;
        if (nearness[at] > test) continue;
        const ex = px + 0.5 - sx;
        const ey = py + 0.5 - sy;
        const dist = Math.sqrt(ex * ex + ey * ey);
        let alpha = radius + 0.5 - dist;
        if (alpha > 1) alpha = 1;
        if (alpha < 0) alpha = 0;
        if (halo > 0 && dist < reach) {
          const glow = halo * (1 - dist / reach);
          if (glow > alpha) alpha = glow;
        }
        if (alpha <= 0) continue;
        const k = 3 * at;
        pixels[k] += (r - pixels[k]) * alpha;
        pixels[k + 1] += (g - pixels[k + 1]) * alpha;
        pixels[k + 2] += (b - pixels[k + 2]) * alpha;
        if (lit >= 0 && alpha > 0.5 && w > nearness[at]) nearness[at] = w;
      }
    }
  }

  /** Depth (m) of a world point along the view, and whether a ball of `radius` around it may be in the picture. */
  sees(x: number, y: number, radius: number, far: number): number {
    const dx = x - this.camX;
    const dy = y - this.camY;
    const depth = dx * this.fwdX + dy * this.fwdY;
    if (depth < -radius || depth > far) return -1;
    const side = Math.abs(dx * this.fwdY - dy * this.fwdX);
    const tan = this.cx / this.focal;
    if (side > tan * Math.max(0, depth) + radius * Math.sqrt(1 + tan * tan)) return -1;
    return Math.max(0, depth);
  }
}
