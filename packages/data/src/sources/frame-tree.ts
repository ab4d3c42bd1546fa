/** Named frames and the transforms between them over time, as ROS and Foxglove record them. */
import {
  composeSe3,
  identitySe3,
  inverseSe3,
  lastAtOrBefore,
  rotationOf,
  type Se3,
  se3From,
  slerp,
} from "@causeway/geom";

interface Link {
  readonly parent: string;
  /** Sorted when first read. */
  readonly rows: { readonly stampUs: number; readonly parentFromChild: Se3 }[];
  stampsUs: Float64Array | null;
  isStatic: boolean;
}

export interface FrameTree {
  /** False where the child already hangs on another parent: the first one stays, and the row is not taken. */
  add(link: {
    readonly parent: string;
    readonly child: string;
    readonly stampUs: number;
    readonly parentFromChild: Se3;
    readonly isStatic: boolean;
  }): boolean;
  /** `target-from-source` at a time; null where no chain joins them, or a moving link has no rows on both sides. */
  at(target: string, source: string, timeUs: number): Se3 | null;
  /** Times of the most frequent moving link between the two, within what all links cover; null without a chain. */
  timesOf(target: string, source: string): Float64Array | null;
  readonly frames: readonly string[];
}

/** ROS 1 names began with a slash. */
export const plainFrame = (name: string): string => name.replace(/^\/+/, "");

export function createFrameTree(): FrameTree {
  const links = new Map<string, Link>();
  const moving = (link: Link) => !link.isStatic && link.rows.length > 1;
  const stampsOf = (link: Link): Float64Array => {
    if (link.stampsUs === null) {
      link.rows.sort((a, b) => a.stampUs - b.stampUs);
      link.stampsUs = Float64Array.from(link.rows, (r) => r.stampUs);
    }
    return link.stampsUs;
  };
  /** Links from a frame up to its root; a loop ends the walk. */
  const upFrom = (frame: string): { frame: string; link: Link }[] => {
    const path: { frame: string; link: Link }[] = [];
    const seen = new Set<string>();
    for (let at = plainFrame(frame); !seen.has(at); ) {
      seen.add(at);
      const link = links.get(at);
      if (link === undefined) break;
      path.push({ frame: at, link });
      at = link.parent;
    }
    return path;
  };
  const transformOf = (link: Link, timeUs: number): Se3 | null => {
    const stamps = stampsOf(link);
    const last = stamps.length - 1;
    if (!moving(link)) return link.rows[last].parentFromChild;
    if (timeUs < stamps[0] || timeUs > stamps[last]) return null;
    const i = lastAtOrBefore(stamps, timeUs);
    const a = link.rows[i].parentFromChild;
    if (stamps[i] === timeUs || i === last) return a;
    const b = link.rows[i + 1].parentFromChild;
    const share = (timeUs - stamps[i]) / (stamps[i + 1] - stamps[i]);
    const mix = (from: number, to: number) => from + share * (to - from);
    const q = slerp(rotationOf(a), rotationOf(b), share);
    return se3From(mix(a.x, b.x), mix(a.y, b.y), mix(a.z, b.z), q);
  };
  /** Links on both sides up to the first frame that they share; null without one. */
  const chain = (target: string, source: string) => {
    const [up, down] = [upFrom(source), upFrom(target)];
    const above = (path: { frame: string; link: Link }[], start: string) => [
      plainFrame(start),
      ...path.map((p) => p.link.parent),
    ];
    const targets = above(down, target);
    const at = above(up, source).findIndex((frame) => targets.includes(frame));
    if (at < 0) return null;
    const meet = above(up, source)[at];
    return {
      up: up.slice(0, at).map((p) => p.link),
      down: down.slice(0, targets.indexOf(meet)).map((p) => p.link),
    };
  };
  const along = (path: readonly Link[], timeUs: number): Se3 | null => {
    let rootFromFrame: Se3 = identitySe3;
    for (const link of path) {
      const next = transformOf(link, timeUs);
      if (next === null) return null;
      rootFromFrame = composeSe3(next, rootFromFrame);
    }
    return rootFromFrame;
  };
  return {
    add({ parent, child, stampUs, parentFromChild, isStatic }) {
      const key = plainFrame(child);
      let link = links.get(key);
      if (link === undefined) {
        link = { parent: plainFrame(parent), rows: [], stampsUs: null, isStatic };
        links.set(key, link);
      }
      if (link.parent !== plainFrame(parent)) return false;
      link.rows.push({ stampUs, parentFromChild });
      link.stampsUs = null;
      link.isStatic &&= isStatic;
      return true;
    },
    at(target, source, timeUs) {
      const path = chain(target, source);
      if (path === null) return null;
      const meetFromSource = along(path.up, timeUs);
      const meetFromTarget = along(path.down, timeUs);
      if (meetFromSource === null || meetFromTarget === null) return null;
      return composeSe3(inverseSe3(meetFromTarget), meetFromSource);
    },
    timesOf(target, source) {
      const path = chain(target, source);
      if (path === null) return null;
      const movers = [...path.up, ...path.down].filter(moving);
      if (movers.length === 0) return new Float64Array(0);
      const columns = movers.map(stampsOf);
      const from = Math.max(...columns.map((c) => c[0]));
      const to = Math.min(...columns.map((c) => c[c.length - 1]));
      const dense = columns.reduce((a, b) => (b.length > a.length ? b : a));
      return dense.filter((t) => t >= from && t <= to);
    },
    get frames() {
      return [...new Set([...links].flatMap(([child, { parent }]) => [parent, child]))].sort();
    },
  };
}
