import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng, type EgoMotion } from "@causeway/geom";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  balanceClips,
  type ClipRecord,
  type ClipScores,
  clipWindows,
  createDataset,
  cutDrive,
  type Dataset,
  decideClips,
  type Drive,
  type DriveReader,
  embedClip,
  embeddingDim,
  encodeJpeg,
  filterNames,
  judgeClip,
  openDataset,
  parsePolicy,
  readClips,
  readEmbeddings,
  readJsonl,
  readPolicy,
  readVersion,
  type RejectedClip,
  scoreDataset,
  scoreMotion,
  scorePicture,
  writeVersion,
} from "../src/index.ts";
import { circleDrive, circleMotion } from "./drive-arbitrary.ts";
import { stillDrive } from "./still-drive.ts";
import { unsyncedFs } from "./unsynced-fs.ts";

let root: string;
let folder: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "curate-"));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = join(root, String(count++));
  await mkdir(folder);
});

/** Stripes whose place follows `phase`, so that pictures of one place at two times differ. */
function picture(phase: number, brightness = 1, width = 64, height = 36) {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const v =
        brightness * (120 + 60 * Math.sin(0.7 * x + phase) + 40 * Math.sin(0.5 * y + 2 * phase));
      pixels.fill(Math.max(0, Math.min(255, v)), 3 * (y * width + x), 3 * (y * width + x) + 3);
    }
  }
  return { width, height, pixels };
}

function boxBlur(image: ReturnType<typeof picture>, reach: number) {
  const { width, height, pixels } = image;
  const out = new Uint8Array(pixels.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        let [sum, n] = [0, 0];
        for (let v = Math.max(0, y - reach); v <= Math.min(height - 1, y + reach); v++)
          for (let u = Math.max(0, x - reach); u <= Math.min(width - 1, x + reach); u++) {
            sum += pixels[3 * (v * width + u) + c];
            n++;
          }
        out[3 * (y * width + x) + c] = sum / n;
      }
  return { width, height, pixels: out };
}

interface Make {
  readonly seconds?: number;
  readonly phase?: number;
  readonly brightness?: number;
  readonly motion?: EgoMotion;
  readonly recording?: string;
  readonly isFrozen?: boolean;
}

/** A drive with all layers and real pictures, one per second. */
async function makeDrive(id: string, make: Make = {}): Promise<Drive> {
  const { seconds = 9, phase = 0, brightness = 1, isFrozen = false } = make;
  const base = circleDrive(id, seconds);
  const frames = [];
  for (let s = 0; s < seconds; s++) {
    const image = picture(phase + (isFrozen ? 0 : 0.3 * s), brightness);
    frames.push({
      stampUs: s * 1_000_000,
      encoding: "jpeg" as const,
      bytes: await encodeJpeg(image, 90),
    });
  }
  const [front] = base.cameras;
  return {
    ...base,
    source: {
      ...base.source,
      ...(make.recording === undefined ? {} : { recording: make.recording }),
    },
    egoMotion: make.motion ?? circleMotion(seconds, 8, 0.001 + 0.02 * phase),
    cameras: [{ ...front, calibration: null, frames }],
  };
}

const parked = (seconds: number): EgoMotion => {
  const m = circleMotion(seconds);
  const zero = m.x.map(() => 0);
  return { ...m, x: zero, y: zero, qw: m.x.map(() => 1), qz: zero, vx: zero, vy: zero };
};
const jumping = (seconds: number): EgoMotion => {
  const m = circleMotion(seconds, 8, 0.001);
  return { ...m, x: m.x.map((v, i) => (i >= 40 ? v + 5 : v)) };
};
const gappy = (seconds: number): EgoMotion => {
  const m = circleMotion(seconds, 8, 0.001);
  const keep = (v: Float64Array) => v.filter((_, i) => i < 40 || i >= 46);
  return Object.fromEntries(
    Object.entries(m).map(([k, v]) => [k, keep(v)]),
  ) as unknown as EgoMotion;
};

const reader: DriveReader = {
  version: "test-1",
  read: async () => ({
    eventsUs: [],
    tagsOf: (w) => ({
      manoeuvre: w.startUs === 0 ? "straight" : "turn left",
      longitudinal: null,
      decision: null,
    }),
  }),
};

async function makeSet(name: string, drives: readonly Drive[]): Promise<Dataset> {
  const set = await createDataset(join(folder, name), { name, fs: unsyncedFs });
  for (const drive of drives) await set.addDrive(drive);
  await set.commit();
  return openDataset(join(folder, name));
}
const rowsOf = async <T>(path: string): Promise<T[]> => {
  const rows: T[] = [];
  for await (const row of readJsonl(path)) rows.push(row as T);
  return rows;
};

describe("windows", () => {
  test("clips and what is left over tile the recording exactly when the stride is the length", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3e6 }),
        fc.integer({ min: 1, max: 300e6 }),
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 0.1, max: 1, noNaN: true }),
        (fromUs, spanUs, lengthSecs, leastShare) => {
          const leastSecs = Math.max(0.1, leastShare * lengthSecs);
          const { clips, leftOver } = clipWindows(
            fromUs,
            fromUs + spanUs,
            { kind: "stride", lengthSecs, strideSecs: lengthSecs, leastSecs },
            [],
          );
          const parts = [...clips, ...leftOver].sort((a, b) => a.startUs - b.startUs);
          expect(parts[0].startUs).toBe(fromUs);
          expect(parts.at(-1)?.endUs).toBe(fromUs + spanUs);
          parts.forEach((p, i) => {
            expect(p.endUs).toBeGreaterThan(p.startUs);
            if (i > 0) expect(p.startUs).toBe(parts[i - 1].endUs);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  test("any stride: every moment is in a clip or named as left over, and no clip is shorter than allowed", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 30 }),
        (span, length, stride) => {
          const least = Math.ceil(length / 2);
          const { clips, leftOver } = clipWindows(
            0,
            span * 1e6,
            { kind: "stride", lengthSecs: length, strideSecs: stride, leastSecs: least },
            [],
          );
          for (const c of clips) expect(c.endUs - c.startUs).toBeGreaterThanOrEqual(least * 1e6);
          for (let s = 0; s < span; s++) {
            const at = s * 1e6 + 500_000;
            const isIn = (w: { startUs: number; endUs: number }) => w.startUs <= at && at < w.endUs;
            expect(clips.some(isIn) || leftOver.some(isIn)).toBe(true);
            expect(clips.some(isIn) && leftOver.some(isIn)).toBe(false);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test("events: each is a clip, or its reason is named", () => {
    const { clips, leftOver } = clipWindows(
      0,
      30e6,
      { kind: "events", beforeSecs: 4, afterSecs: 8 },
      [2e6, 6e6, 9e6, 20e6, 25e6],
    );
    expect(clips.map((c) => [c.startUs / 1e6, c.endUs / 1e6, (c.eventUs ?? 0) / 1e6])).toEqual([
      [2, 14, 6],
      [16, 28, 20],
    ]);
    expect(leftOver.map((l) => [l.eventUs, l.reason.split(" ")[0]])).toEqual([
      [2e6, "window"],
      [9e6, "event"],
      [25e6, "window"],
    ]);
  });
});

describe("scores", () => {
  test("motion: speed limits, parking, jumps and gaps show in their own number", () => {
    const calm = scoreMotion(circleMotion(9, 8, 0.02));
    expect(calm?.parkedShare).toBe(0);
    expect(calm?.distanceM).toBeCloseTo(72, 1);
    expect(calm?.maxLateralAccelMps2).toBeCloseTo(8 * 8 * 0.02, 2);
    expect(calm?.jumpM).toBeLessThan(0.01);
    expect(scoreMotion(parked(9))?.parkedShare).toBe(1);
    expect(scoreMotion(jumping(9))?.jumpM).toBeCloseTo(5, 1);
    expect(scoreMotion(gappy(9))?.poseGapSecs).toBeCloseTo(0.7, 6);
    const turned = circleMotion(9, 8, 0);
    const spun = { ...turned, x: circleMotion(9, 8, 1e-6).x, y: circleMotion(9, 8, 1e-6).y };
    const qz = spun.qz.map((v, i) => (i >= 50 ? Math.sin(0.2) : v));
    const qw = spun.qw.map((v, i) => (i >= 50 ? Math.cos(0.2) : v));
    expect(scoreMotion({ ...spun, qw, qz })?.yawJumpRad).toBeCloseTo(0.4, 6);
    expect(scoreMotion(circleMotion(0.1))).toBeNull();
  });

  test("motion: mirroring the world changes no score", () => {
    const m = circleMotion(9, 8, 0.02);
    const negate = (v: Float64Array) => v.map((a) => -a);
    const mirrored = { ...m, y: negate(m.y), qz: negate(m.qz), vy: negate(m.vy) };
    expect(scoreMotion(mirrored)).toEqual(scoreMotion(m));
  });

  test("pictures: dark, blown and blurred ones are told apart", () => {
    const sharp = scorePicture(picture(0));
    const dark = scorePicture(picture(0, 0.05));
    const blown = scorePicture({ width: 8, height: 8, pixels: new Uint8Array(192).fill(255) });
    const blurred = scorePicture(boxBlur(picture(0), 3));
    expect(dark.luma).toBeLessThan(12);
    expect(blown.blownShare).toBe(1);
    expect(blown.sharpness).toBe(0);
    expect(blurred.sharpness).toBeLessThan(0.4 * sharp.sharpness);
  });

  test("filters judge each score by its own limit, which can move or be off; unmeasured passes", () => {
    const none = Object.fromEntries(filterNames.map((n) => [n, null])) as unknown as ClipScores;
    expect(judgeClip(none, {})).toEqual([]);
    const scores = { ...none, parked: 0.97, dark: 10 };
    expect(judgeClip(scores, {}).map((r) => r.filter)).toEqual(["parked", "dark"]);
    expect(judgeClip(scores, { parked: null, dark: 5 })).toEqual([]);
    expect(judgeClip(scores, {})[0].reason).toBe(
      "parked: time below 0.3 m/s is 0.97 share; at most 0.95 wanted",
    );
  });
});

describe("the embedding without a model", () => {
  const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i], 0);
  const straight = circleMotion(9, 8, 0.001);
  test("has length 1, is near itself, and far when motion or picture differ", () => {
    const here = embedClip(straight, picture(0));
    expect(here).toHaveLength(embeddingDim);
    expect(cosine(here, here)).toBeCloseTo(1, 5);
    expect(cosine(here, embedClip(circleMotion(9, 8.02, 0.001), picture(0.02)))).toBeGreaterThan(
      0.98,
    );
    const sameplace = cosine(here, embedClip(circleMotion(9, 8, 0.08), picture(0)));
    const sameMotion = cosine(here, embedClip(straight, picture(1.7)));
    expect(sameplace).toBeLessThan(0.9);
    expect(sameMotion).toBeLessThan(0.9);
  });
  test("without motion the picture decides alone; without either nothing is alike", () => {
    const length = (v: Float32Array) => Math.hypot(...v);
    const [a, b] = [embedClip(null, picture(1)), embedClip(null, picture(2.5))];
    expect([length(a), length(b)].map((l) => Math.round(l * 1e6))).toEqual([1e6, 1e6]);
    const cosine = a.reduce((sum, v, i) => sum + v * b[i], 0);
    expect(cosine).toBeLessThan(0.9);
    expect(length(embedClip(null, null))).toBe(0);
  });

  test("exposure does not matter much; no picture leaves the motion alone", () => {
    const bright = embedClip(straight, picture(0));
    const dimmer = embedClip(straight, picture(0, 0.7));
    expect(cosine(bright, dimmer)).toBeGreaterThan(0.97);
    expect(cosine(embedClip(straight, null), embedClip(straight, null))).toBeCloseTo(1, 5);
  });
});

describe("balance", () => {
  const items = Array.from({ length: 40 }, (_, i) => ({
    id: `c${i}`,
    recording: `r${i % 5}`,
    cell: i < 30 ? "straight" : "turn",
  }));
  test("keeps the quota of each cell, spread over recordings, whatever the input order", () => {
    const result = balanceClips(items, () => 10, 3);
    expect(result.cells.get("straight")).toEqual({ found: 30, kept: 10, quota: 10 });
    const kept = items.filter((i) => i.cell === "straight" && !result.dropped.has(i.id));
    const perRecording = [0, 1, 2, 3, 4].map(
      (r) => kept.filter((k) => k.recording === `r${r}`).length,
    );
    expect(perRecording).toEqual([2, 2, 2, 2, 2]);
    const again = balanceClips([...items].reverse(), () => 10, 3);
    expect(again.dropped).toEqual(result.dropped);
    expect(balanceClips(items, () => 10, 4).dropped).not.toEqual(result.dropped);
    expect(balanceClips(items, () => null, 3).dropped.size).toBe(0);
  });
});

describe("policies", () => {
  test("have a default for every field, and errors that name the field", async () => {
    expect(parsePolicy({}, "here").dedup).toEqual({ eps: 0.01, mode: "plain", clusters: null });
    expect(() => parsePolicy({ filters: { blurr: 1 } }, "here")).toThrow(/policy: filters.*here/s);
    expect(() => parsePolicy({ window: {} }, "here")).toThrow(/top level/);
    const path = join(folder, "p.yaml");
    await writeFile(path, "windows: {kind: events}\nfilters: {blur: null}\n");
    const policy = await readPolicy(path);
    expect(policy.windows).toEqual({ kind: "events", beforeSecs: 4, afterSecs: 8 });
    expect(policy.filters).toEqual({ blur: null });
    await writeFile(path, "windows: [");
    await expect(readPolicy(path)).rejects.toThrow(/not valid YAML/);
  });
});

describe("cutting", () => {
  test("a part of a drive without ego motion keeps its pictures and questions", async () => {
    const drive = await stillDrive("still");
    const part = cutDrive(drive, { startUs: 2e6, endUs: 5e6 }, "part");
    expect(part.cameras.map((c) => c.frames.map((f) => f.stampUs))).toEqual([
      [1_000_000],
      [1_050_000],
    ]);
    expect(part.questions).toEqual([{ ...drive.questions?.[1], stampUs: 1_050_000 }]);
    expect([part.egoMotion.stampUs.length, part.durationUs]).toEqual([0, 3e6]);
  });

  test("a part of a drive has its own clock, its recording, and the route that held", async () => {
    const drive = await makeDrive("long", { seconds: 20 });
    const events = [4e6, 6e6, 14e6].map((stampUs) => ({ stampUs, text: `at ${stampUs}` }));
    const told = {
      ...drive,
      source: { ...drive.source, clockOffsetUs: 100_000 },
      reasoning: events,
    };
    const cut = cutDrive(told, { startUs: 5_000_000, endUs: 15_000_000 }, "long.a");
    expect(cut.egoMotion.stampUs[0]).toBe(0);
    expect(cut.durationUs).toBe(10_000_000);
    expect(cut.egoMotion.x[0]).toBe(drive.egoMotion.x[50]);
    expect(cut.cameras[0].frames.map((f) => f.stampUs)).toEqual(
      Array.from({ length: 11 }, (_, i) => i * 1e6),
    );
    expect(cut.reasoning?.map((e) => [e.stampUs, e.text])).toEqual([
      [1e6, "at 6000000"],
      [9e6, "at 14000000"],
    ]);
    expect(cut.source.clockOffsetUs).toBe(100_000 - 5_000_000);
    expect(cut.source.recording).toBe("long");
    expect(cut.source.notes.at(-1)).toBe("Cut from long, 5.0 … 15.0 s.");
    // "left in 11.25 m" was told at 0.5 s; 36 m later it is due.
    expect(cut.route).toEqual([{ stampUs: 0, command: "left", distanceM: 0 }]);
    const [set] = [await makeSet("cut", [cut])];
    expect((await set.read("long.a")).durationUs).toBe(10_000_000);
    expect(() => cutDrive(drive, { startUs: 30e6, endUs: 31e6 }, "x")).toThrow(/0 poses/);
  });
});

describe("curating a dataset", () => {
  const policy = parsePolicy(
    { windows: { kind: "drive" }, pictures: { everySecs: 1 }, dedup: { eps: 0.002 } },
    "test",
  );

  async function mixed(): Promise<Dataset> {
    return makeSet("mixed", [
      await makeDrive("a-good", { phase: 0.1 }),
      await makeDrive("b-twin", { phase: 0.1 }),
      await makeDrive("c-other", { phase: 1.3 }),
      await makeDrive("d-parked", { phase: 2, motion: parked(9) }),
      await makeDrive("e-jump", { phase: 2.2, motion: jumping(9) }),
      await makeDrive("f-gap", { phase: 2.4, motion: gappy(9) }),
      await makeDrive("g-black", { phase: 2.6, brightness: 0.01 }),
      await makeDrive("h-frozen", { phase: 2.8, isFrozen: true }),
      await makeDrive("i-short", { phase: 3, seconds: 4 }),
    ]);
  }

  test("each fault is rejected for its own reason, one of twins stays, and all is written down", async () => {
    const set = await mixed();
    const scored = await scoreDataset(set, policy, reader);
    expect(scored).toMatchObject({ drives: 9, clips: 9, unchanged: 0, skipped: [] });
    const { summary, isKept } = await decideClips(set, policy);
    const rejected = await rowsOf<RejectedClip>(join(set.dir, "curate", "rejected.jsonl"));
    const why = new Map(rejected.map((r) => [r.driveId, r.reasons.map((t) => t.split(":")[0])]));
    expect(why.get("d-parked")).toEqual(["parked"]);
    expect(why.get("e-jump")).toContain("jump");
    expect(why.get("f-gap")).toEqual(["poseGap"]);
    expect(why.get("g-black")).toContain("black");
    expect(why.get("h-frozen")).toEqual(["frozen"]);
    expect(why.get("i-short")).toEqual(["length"]);
    const twin = rejected.find((r) => r.stage === "duplicate");
    expect(twin?.reasons[0]).toMatch(/^duplicate: cosine (1\.0000|0\.99\d\d) with [ab]-/);
    expect(rejected).toHaveLength(7);
    expect(summary).toMatchObject({
      clips: 9,
      kept: 2,
      rejected: { filter: 6, duplicate: 1, balance: 0 },
    });
    expect(summary.after.clips).toBe(2);
    expect(summary.before.tags.manoeuvre).toEqual({ straight: 9 });
    const kept: string[] = [];
    for await (const c of readClips(set)) if (isKept(c.id)) kept.push(c.driveId);
    expect(kept).toContain("c-other");
  });

  test("a second run scores nothing again; a changed drive or window is scored anew; the result is the same", async () => {
    const set = await mixed();
    await scoreDataset(set, policy, reader);
    const first = await readFile(join(set.dir, "curate", "clips.jsonl"), "utf8");
    const again = await scoreDataset(set, policy, reader);
    expect(again.unchanged).toBe(9);
    expect(await readFile(join(set.dir, "curate", "clips.jsonl"), "utf8")).toBe(first);
    await writeFile(join(set.dir, "curate", "scores", "a-good.json"), "{torn");
    expect((await scoreDataset(set, policy, reader)).unchanged).toBe(8);
    expect(await readFile(join(set.dir, "curate", "clips.jsonl"), "utf8")).toBe(first);
    const shorter = {
      ...policy,
      windows: { kind: "stride", lengthSecs: 4, strideSecs: 4, leastSecs: 4 },
    } as const;
    expect(await scoreDataset(set, shorter, reader)).toMatchObject({ unchanged: 0, clips: 17 });
  });

  test("a drive without ego motion: scores of motion unmeasured, tags that say so, pictures judged", async () => {
    const still = await stillDrive("a-still");
    const black = await encodeJpeg({ width: 64, height: 36, pixels: new Uint8Array(64 * 36 * 3) });
    const dark: Drive = {
      ...still,
      id: "b-dark",
      cameras: still.cameras.map((c) => ({
        ...c,
        frames: c.frames.map((f) => ({ ...f, bytes: black })),
      })),
    };
    const bare: Drive = { ...still, id: "c-bare", cameras: [] };
    const set = await makeSet("still", [still, dark, bare]);
    const tagless: DriveReader = {
      version: "still-1",
      read: async () => ({
        eventsUs: [],
        tagsOf: () => ({ manoeuvre: "no motion", longitudinal: null, decision: null }),
      }),
    };
    const own = parsePolicy({ filters: { frameGap: null } }, "test");
    expect(await scoreDataset(set, own, tagless)).toMatchObject({ drives: 3, clips: 3 });
    const clips: ClipRecord[] = [];
    for await (const clip of readClips(set)) clips.push(clip);
    expect([clips[0].startUs, clips[0].endUs, clips[0].numPictures]).toEqual([0, 12e6, 3]);
    for (const { scores, tags } of clips) {
      expect([scores.length, scores.parked, scores.poseGap, scores.frozen]).toEqual([
        null,
        null,
        null,
        null,
      ]);
      expect([tags.speed, tags.curvature]).toEqual(["no motion", "no motion"]);
    }
    expect(clips[0].scores.blur).toBeGreaterThan(2.5);
    const { summary, isKept } = await decideClips(set, own);
    expect(clips.map((c) => isKept(c.id))).toEqual([true, false, true]);
    expect(summary.before.tags.speed).toEqual({ "no motion": 3 });
    expect(summary.filters.length.histogram).toMatchObject({ measured: 0, unmeasured: 3 });
    const version = join(folder, "still-v1");
    await writeVersion(set, own, { summary, isKept }, version);
    const kept = await (await openDataset(version)).read(clips[0].id);
    expect(kept.egoMotion.stampUs).toHaveLength(0);
    expect(kept.questions).toEqual(still.questions);
  });

  test("a damaged drive is skipped and named, the others go on", async () => {
    const set = await mixed();
    const path = set.drivePath("c-other");
    const bytes = await readFile(path);
    await writeFile(path, Buffer.alloc(bytes.length, 7));
    const scored = await scoreDataset(set, policy, reader);
    expect(scored.drives).toBe(8);
    expect(scored.skipped.map((s) => s.id)).toEqual(["c-other"]);
    expect(await rowsOf(join(set.dir, "curate", "skipped.jsonl"))).toHaveLength(1);
  });

  test("a version is a dataset: clips, splits by recording, policy, fingerprint, lineage", async () => {
    const drives = [];
    for (let r = 0; r < 12; r++) {
      drives.push(
        await makeDrive(`r${String(r).padStart(2, "0")}`, {
          seconds: 18,
          phase: 0.4 * r,
          recording: `rec${r >> 1}`,
        }),
      );
    }
    const set = await makeSet("many", drives);
    const stride = parsePolicy(
      {
        windows: { kind: "stride", lengthSecs: 9, strideSecs: 9, leastSecs: 8.5 },
        dedup: { eps: null },
        balance: { by: ["manoeuvre"], most: 10, cells: { "turn left": 4 } },
        splits: { val: 0.2, test: 0.2 },
      },
      "test",
    );
    await scoreDataset(set, stride, reader);
    const decisions = await decideClips(set, stride);
    const out = join(folder, "v1");
    const first = await writeVersion(set, stride, decisions, out, { name: "v1" });
    expect(first).toMatchObject({ written: 14, unchanged: 0 });
    expect(first.version.clips).toEqual({ kept: 14, filter: 0, duplicate: 0, balance: 10 });
    const made = await openDataset(out);
    expect(made.fingerprint).toBe(first.version.fingerprint);
    expect(made.drives.every((d) => d.recording.startsWith("rec"))).toBe(true);
    const splits = await made.splits();
    const homes = new Map<string, Set<string>>();
    for (const name of ["train", "val", "test"] as const)
      for (const id of splits?.[name] ?? []) {
        const recording = made.drives.find((d) => d.id === id)?.recording ?? "";
        homes.set(recording, (homes.get(recording) ?? new Set()).add(name));
      }
    expect([...homes.values()].every((names) => names.size === 1)).toBe(true);
    expect([...homes.values()].flatMap((names) => [...names]).sort()).toContain("test");

    const again = await writeVersion(set, stride, decisions, out);
    expect(again).toMatchObject({ written: 0, unchanged: 14 });
    expect(again.version.fingerprint).toBe(first.version.fingerprint);

    const other = { ...stride, seed: 9 };
    await expect(writeVersion(set, other, decisions, out)).rejects.toThrow(/Give another --out/);

    // A version of a version knows its grandparent.
    await scoreDataset(made, policy, reader);
    const nested = await writeVersion(
      made,
      policy,
      await decideClips(made, policy),
      join(folder, "v2"),
    );
    expect(nested.version.lineage.map((p) => [p.name, p.policyHash === null])).toEqual([
      ["v1", false],
      ["many", true],
    ]);
    expect((await readVersion(join(folder, "v2")))?.fingerprint).toBe(nested.version.fingerprint);
  });

  test("embeddings of another model decide what is a duplicate", async () => {
    const set = await mixed();
    const off = { ...policy, filters: Object.fromEntries(filterNames.map((n) => [n, null])) };
    await scoreDataset(set, off, reader);
    const rng = createRng(4);
    const ids: string[] = [];
    for await (const c of readClips(set) as AsyncGenerator<ClipRecord>) ids.push(c.id);
    const vectors = ids.map(() => Array.from({ length: 8 }, () => rng.normal()));
    vectors[5] = vectors[2];
    const path = join(folder, "own.jsonl");
    await writeFile(
      path,
      ids.map((id, i) => JSON.stringify({ id, embedding: vectors[i] })).join("\n"),
    );
    const { summary } = await decideClips(
      set,
      { ...off, dedup: { eps: 0.001, mode: "plain", clusters: 1 } },
      { embeddings: await readEmbeddings(path) },
    );
    expect(summary.rejected.duplicate).toBe(1);
    await writeFile(path, JSON.stringify({ id: "x", embedding: [1, "a"] }));
    await expect(readEmbeddings(path)).rejects.toThrow(/row 1.*finite numbers/);
  });
});
