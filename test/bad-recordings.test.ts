/**
 * Bad recordings of every kind, through the `import` command: each format has one folder with good and bad recordings side by
 * side. The good ones come in, every bad one is named once, on one line, with what is wrong.
 */
import { mkdir, mkdtemp, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { command } from "../packages/cli/src/commands/import.ts";
import {
  type ParquetColumn,
  parquetBytes,
} from "../packages/data/src/exporters/parquet-columns.ts";
import { writeZip } from "../packages/data/src/exporters/zip-writer.ts";
import {
  atomicWrite,
  findVideoBackend,
  openDataset,
  readJsonl,
  writeDrive,
  writeVideo,
} from "../packages/data/src/index.ts";
import { bareDrive, straightStates } from "../packages/data/src/testing/index.ts";
import {
  type CarlaRow,
  carlaLeftTurn,
  feather,
  kittiLines,
  npy,
  writeArgoverse2Log,
  writeCommaLog,
} from "../packages/data/test/fake-logs.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "bad-recordings-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

let stderr = "";
let stdout = "";
beforeEach(() => {
  [stderr, stdout] = ["", ""];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    stderr += String(text);
    return true;
  });
  vi.spyOn(console, "log").mockImplementation((text: unknown) => {
    stdout += `${String(text)}\n`;
  });
  return () => {
    vi.restoreAllMocks();
    process.exitCode = undefined;
  };
});

const importInto = (out: string, format: string, path: string, ...more: string[]) =>
  command.parseAsync([format, path, "--out", out, "--pictures", "all", ...more], { from: "user" });

interface Skip {
  readonly id: string;
  readonly code: string;
  readonly error: string;
}

/** Imports `path` and checks that exactly the ids of `bad` are skipped, each with its message, and `good` comes in. */
async function expectSkips(
  format: string,
  path: string,
  good: readonly string[],
  bad: Readonly<Record<string, RegExp>>,
): Promise<void> {
  const out = join(root, `${format}-set`);
  await importInto(out, format, path);
  expect(process.exitCode ?? 0).toBe(0);
  const rows: Skip[] = [];
  for await (const row of readJsonl(join(out, "skipped.jsonl"))) rows.push(row as Skip);
  expect(rows.map((r) => r.id).sort()).toEqual(Object.keys(bad).sort());
  for (const { id, code, error } of rows) {
    expect(error, id).toMatch(bad[id] as RegExp);
    expect(code, `${id}: ${error}`).not.toBe("unexpected");
    expect(error).not.toContain("\n");
    expect(stderr.split("\n").filter((line) => line.startsWith(`skipped ${id}:`))).toHaveLength(1);
  }
  const drives = (await openDataset(out)).drives.map((d) => d.id);
  expect(drives).toEqual([...good].sort());
  expect(stdout).toContain(`${good.length} imported, 0 unchanged, ${rows.length} skipped`);
  expect(stderr).not.toContain("    at ");
}

test("comma2k19", async () => {
  const path = join(root, "comma");
  const n = 20 * 20;
  const made = async (name: string): Promise<string> => {
    const log = { seconds: 20, turnLeftRad: 0, downRad: 0, aheadM: 1.9, upM: 1.2 };
    const folder = await writeCommaLog(join(path, name), log);
    const target = join(dirname(folder), name);
    await rename(folder, target);
    return join(target, "global_pose");
  };
  const times = Array.from({ length: n }, (_, i) => 1000 + i / 20);
  await made("good");
  await truncate(join(await made("cut"), "frame_positions"), 1000);
  await rm(join(await made("missing"), "frame_orientations"));
  await writeFile(join(await made("empty"), "frame_times"), "");
  await writeFile(join(await made("nan"), "frame_times"), npy([n], times.with(7, Number.NaN)));
  await writeFile(join(await made("back"), "frame_times"), npy([n], times.with(7, 999)));
  await writeFile(join(await made("fewer"), "frame_times"), npy([n - 1], times.slice(1)));
  await writeFile(join(await made("none"), "frame_times"), npy([0], []));
  await writeFile(join(await made("pickle"), "frame_times"), npy([n], times, "|O"));
  const id = (name: string) => `comma2k19-aaaaaaaaaaaaaaaa_2018-01-01--00-00-00-${name}`;
  await expectSkips("comma2k19", path, [id("good")], {
    [id("cut")]: /frame_positions.*byte|frame_positions: /,
    [id("missing")]: /frame_orientations/,
    [id("empty")]: /frame_times/,
    [id("nan")]: /frame_times row 8.*NaN/,
    [id("back")]: /row 8: .*999 comes after/,
    [id("fewer")]: /399|400/,
    [id("none")]: /frame_times/,
    [id("pickle")]: /frame_times.*O/,
  });
});

test("KITTI odometry", async () => {
  const path = join(root, "kitti");
  await mkdir(path);
  const write = (name: string, change: (lines: string[]) => void) => {
    const lines = kittiLines(120, 1);
    change(lines);
    return writeFile(join(path, `${name}.txt`), lines.length === 0 ? "" : `${lines.join("\n")}\n`);
  };
  await write("00", () => undefined);
  await write("01", (l) => l.splice(0));
  await write("02", (l) => l.splice(9, 1, (l[9] as string).slice(0, 40)));
  await write("03", (l) => l.splice(9, 1, (l[9] as string).replace(/\S+$/, "nan")));
  await write("04", (l) => l.splice(9, 1, "2 0 0 0 0 1 0 0 0 0 1 0"));
  await write("05", (l) => l.splice(60, 20));
  // A mirrored world: the rows are orthonormal and no rotation.
  await write("06", (l) => l.forEach((_, i) => l.splice(i, 1, `-1 0 0 0 0 1 0 0 0 0 1 ${i}`)));
  await writeFile(join(path, "07.txt"), Buffer.from([0, 255, 0, 1, 2, 3, 10, 0]));
  const id = (name: string) => `kitti-odometry-${name}`;
  await expectSkips("kitti", path, [id("00")], {
    [id("01")]: /expected at least 2|empty/,
    [id("02")]: /02\.txt row 10: .* columns; expected 12/,
    [id("03")]: /03\.txt row 10: .*nan/,
    [id("04")]: /04\.txt row 10: .*rotation/,
    [id("05")]: /05\.txt row 61: .*jumps/,
    [id("06")]: /06\.txt row 1: .*mirror/,
    [id("07")]: /07\.txt row 1: /,
  });
});

test("Argoverse 2 sensor logs", async () => {
  const path = join(root, "av2");
  const made = async (name: string): Promise<string> => {
    const folder = await writeArgoverse2Log(join(path, `.${name}`), 8);
    await rename(folder, join(path, name));
    await rm(join(path, `.${name}`), { recursive: true });
    return join(path, name, "city_SE3_egovehicle.feather");
  };
  const poses = (change: (columns: Record<string, number[] | bigint[]>) => void) => {
    const n = 400;
    const zero = Array.from({ length: n }, () => 0);
    const columns: Record<string, number[] | bigint[]> = {
      timestamp_ns: Array.from({ length: n }, (_, i) => 10n ** 18n + BigInt(i) * 20_000_000n),
      qw: zero.map(() => 1),
      qx: zero,
      qy: zero,
      qz: zero,
      tx_m: zero.map((_, i) => i * 0.1),
      ty_m: zero,
      tz_m: zero,
    };
    change(columns);
    return feather(columns);
  };
  await made("good");
  await truncate(await made("cut"), 2000);
  await truncate(await made("empty"), 0);
  await writeFile(
    await made("column"),
    poses((c) => delete c.tx_m),
  );
  await writeFile(
    await made("nan"),
    poses((c) => (c.tx_m = (c.tx_m as number[]).with(4, Number.NaN))),
  );
  await writeFile(
    await made("back"),
    poses((c) => (c.timestamp_ns = (c.timestamp_ns as bigint[]).with(4, 5n))),
  );
  await writeFile(
    await made("quat"),
    poses((c) => (c.qw = (c.qw as number[]).with(4, 3))),
  );
  await writeFile(
    await made("jump"),
    poses((c) => (c.tx_m = (c.tx_m as number[]).map((v, i) => (i > 200 ? v + 500 : v)))),
  );
  const map = join(dirname(await made("map")), "map", "log_map_archive_7fab-log.json");
  await writeFile(map, '{"lane_segments": {"7": ');
  const id = (name: string) => `argoverse2-${name}`;
  await expectSkips("av2", path, [id("good")], {
    [id("cut")]: /cannot be read as an Arrow table/,
    [id("empty")]: /egovehicle\.feather/,
    [id("column")]: /no column "tx_m"/,
    [id("nan")]: /row 5: column "tx_m" is NaN/,
    [id("back")]: /row 5: timestamp_ns 5 comes after/,
    [id("quat")]: /row 5: quaternion has length 3/,
    [id("jump")]: /jumps/,
    [id("map")]: /log_map_archive_7fab-log\.json.*JSON/,
  });
});

test("Argoverse 2 forecasting scenarios", async () => {
  const path = join(root, "forecasting");
  const steps = Array.from({ length: 110 }, (_, i) => i);
  const columns = (track = "AV"): Record<string, ParquetColumn> => {
    const double = (name: string, of: (i: number) => number | null): ParquetColumn => ({
      name,
      type: "DOUBLE",
      data: steps.map(of),
    });
    const text = (name: string, value: string): ParquetColumn => ({
      name,
      type: "STRING",
      data: steps.map(() => value),
    });
    return {
      track_id: text("track_id", track),
      object_type: text("object_type", "vehicle"),
      timestep: { name: "timestep", type: "INT64", data: steps },
      position_x: double("position_x", (i) => i),
      position_y: double("position_y", () => 0),
      heading: double("heading", () => 0),
      velocity_x: double("velocity_x", () => 10),
      velocity_y: double("velocity_y", () => 0),
    };
  };
  const write = async (name: string, of: Record<string, ParquetColumn>): Promise<string> => {
    await mkdir(join(path, name), { recursive: true });
    const file = join(path, name, `scenario_${name}.parquet`);
    await writeFile(file, parquetBytes(Object.values(of)));
    return file;
  };
  await write("good", columns());
  await truncate(await write("cut", columns()), 900);
  await truncate(await write("empty", columns()), 0);
  const { heading: _, ...rest } = columns();
  await write("column", rest);
  const numbers = (name: string, data: readonly (number | null)[]): ParquetColumn => ({
    name,
    type: "DOUBLE",
    data,
  });
  await write("nan", {
    ...columns(),
    position_x: numbers("position_x", steps.with(4, Number.NaN)),
  });
  await write("null", {
    ...columns(),
    position_x: numbers(
      "position_x",
      steps.map((i) => (i === 4 ? null : i)),
    ),
  });
  await write("no-ego", columns("12"));
  await write("twice", {
    ...columns(),
    timestep: { name: "timestep", type: "INT64", data: steps.with(5, 4) },
  });
  const id = (name: string) => `argoverse2-scenario_${name}`;
  await expectSkips("argoverse2-forecasting", path, [id("good")], {
    [id("cut")]: /scenario_cut\.parquet: cannot be read as Parquet/,
    [id("empty")]: /scenario_empty\.parquet/,
    [id("column")]: /heading/,
    [id("nan")]: /position_x|NaN/,
    [id("null")]: /row 5: position_x/,
    [id("no-ego")]: /AV/,
    [id("twice")]: /400000|timestep/,
  });
});

const seconds = 12;
/** Straight on at 8 m/s. */
const straight = (hz: number, length = seconds) =>
  Array.from({ length: length * hz + 1 }, (_, i) => ({ t: i / hz, x: (8 * i) / hz }));

test("PhysicalAI-AV", async (context) => {
  const path = join(root, "pai");
  const camera = "camera_front_wide_120fov";
  interface Clip {
    readonly motion?: Uint8Array | null;
    readonly video?: Uint8Array;
    readonly times?: Uint8Array;
    readonly events?: unknown;
    readonly isValid?: boolean;
    readonly chunk?: number;
  }
  const rows = straight(100);
  const motion = (change: Readonly<Record<string, (v: number, i: number) => number>> = {}) => {
    const column = (name: string, of: (r: (typeof rows)[number]) => number): ParquetColumn => ({
      name,
      type: name === "timestamp" ? "INT64" : "DOUBLE",
      data: rows.map((r, i) => change[name]?.(of(r), i) ?? of(r)),
    });
    return parquetBytes([
      column("timestamp", (r) => Math.round(r.t * 1e6)),
      column("x", (r) => r.x),
      ...["y", "z", "qx", "qy", "qz", "vy", "vz"].map((name) => column(name, () => 0)),
      column("qw", () => 1),
      column("vx", () => 8),
    ]);
  };
  const times = (values: readonly number[]) =>
    parquetBytes([{ name: "timestamp", type: "INT64", data: values }]);
  const frames = [0, 100_000, 200_000, 300_000];
  const event = { event_start_timestamp: 5_000_000 };
  const text = { ...event, coc: "Keep the lane because the road is clear." };
  const hasVideo = (await findVideoBackend()) !== null;
  if (!hasVideo)
    console.warn("bad-recordings.test.ts: cases with video skipped, there is no ffmpeg");
  let mp4 = new Uint8Array();
  if (hasVideo) {
    const file = join(root, "clip.mp4");
    const image = { width: 64, height: 48, pixels: new Uint8Array(64 * 48 * 3).fill(90) };
    await writeVideo([image, image, image, image], file, { width: 64, height: 48, fps: 10 });
    mp4 = new Uint8Array(await readFile(file));
  }
  const clips: Record<string, Clip> = {
    good: { events: [text] },
    "good-cot": { events: [{ ...event, cot: text.coc }] },
    "cut-table": { motion: motion().subarray(0, 5000) },
    "no-motion": { motion: null },
    nan: { motion: motion({ y: (v, i) => (i === 6 ? Number.NaN : v) }) },
    back: { motion: motion({ timestamp: (v, i) => (i === 6 ? 0 : v) }) },
    quaternion: { motion: motion({ qw: () => 0.5 }) },
    "no-text": { events: [{ ...event, explanation: "because" }] },
    "blank-text": { events: [{ ...event, coc: " " }] },
    "bad-events": { events: "[{" },
    "events-object": { events: { coc: "x" } },
    invalid: { isValid: false },
    "cut-zip": { chunk: 1 },
    "no-zip": { chunk: 2 },
    ...(hasVideo
      ? {
          "good-video": { video: mp4, times: times(frames) },
          "empty-video": { video: new Uint8Array(), times: times(frames) },
          "cut-video": { video: mp4.subarray(0, mp4.byteLength >> 1), times: times(frames) },
          "text-video": { video: Buffer.from("no video at all"), times: times(frames) },
          "fewer-frames": { video: mp4, times: times([...frames, 400_000]) },
          "back-frames": { video: mp4, times: times(frames.with(2, 50_000)) },
          "cut-times": { video: mp4, times: times(frames).subarray(0, 40) },
        }
      : {}),
  };
  const zip = async (
    feature: string,
    folder: string,
    kinds: (id: string, c: Clip) => unknown[],
  ) => {
    for (const chunk of [0, 1]) {
      const members = Object.entries(clips).flatMap(([id, clip]) =>
        (clip.chunk ?? 0) === chunk
          ? (kinds(id, clip) as { name: string; open(): AsyncIterable<Uint8Array> }[])
          : [],
      );
      const name = `${feature}.chunk_000${chunk}.zip`;
      if (members.length > 0)
        await atomicWrite(join(path, folder, feature, name), (sink) => writeZip(sink, members));
    }
  };
  const bytes = (content: Uint8Array) =>
    async function* () {
      yield content;
    };
  await zip("egomotion", "labels", (id, c) =>
    c.motion === null
      ? []
      : [{ name: `${id}.egomotion.parquet`, open: bytes(c.motion ?? motion()) }],
  );
  await truncate(join(path, "labels/egomotion/egomotion.chunk_0001.zip"), 3000);
  await zip(camera, "camera", (id, { video, times: stamps }) =>
    video === undefined || stamps === undefined
      ? []
      : [
          { name: `${id}.${camera}.mp4`, open: bytes(video) },
          { name: `${id}.${camera}.timestamps.parquet`, open: bytes(stamps) },
        ],
  );
  const quoted = (value: object) => `"${JSON.stringify(value).replaceAll('"', '""')}"`;
  await writeFile(
    join(path, "features.csv"),
    [
      "feature,directory,chunk_path,clip_files_in_zip",
      `egomotion,labels,labels/egomotion/egomotion.chunk_{chunk_id:04d}.zip,${quoted({ egomotion: "{clip_id}.egomotion.parquet" })}`,
      `${camera},camera,camera/${camera}/${camera}.chunk_{chunk_id:04d}.zip,${quoted({ video: `{clip_id}.${camera}.mp4`, frame_timestamps: `{clip_id}.${camera}.timestamps.parquet` })}`,
    ].join("\n"),
  );
  const ids = Object.keys(clips);
  const clipIds: ParquetColumn = { name: "clip_id", type: "STRING", data: ids };
  const all = Object.values(clips);
  await writeFile(
    join(path, "clip_index.parquet"),
    parquetBytes([
      { name: "clip_is_valid", type: "BOOLEAN", data: all.map((c) => c.isValid !== false) },
      { name: "chunk", type: "INT64", data: all.map((c) => c.chunk ?? 0) },
      { name: "split", type: "STRING", data: all.map(() => "train") },
      clipIds,
    ]),
  );
  await mkdir(join(path, "reasoning"));
  const textOf = ({ events }: Clip) =>
    typeof events === "string" ? events : JSON.stringify(events ?? []);
  await writeFile(
    join(path, "reasoning", "ood_reasoning.parquet"),
    parquetBytes([{ name: "events", type: "STRING", data: all.map(textOf) }, clipIds]),
  );
  const messages: Record<string, RegExp> = {
    "cut-table": /cut-table\.egomotion\.parquet: cannot be read as Parquet/,
    "no-motion": /egomotion\.chunk_0000\.zip.*no-motion/,
    nan: /nan\.egomotion\.parquet row 7: y is NaN/,
    back: /row 7: time 0 us comes after/,
    quaternion: /row 1: quaternion has length 0\.5/,
    "no-text": /clip no-text: event 1 has neither "coc" nor "cot" \(it has .*explanation/,
    "blank-text": /neither "coc" nor "cot"/,
    "bad-events": /ood_reasoning\.parquet: .*JSON/,
    "events-object": /events is no list/,
    invalid: /clip_is_valid/,
    "cut-zip": /chunk_0001\.zip/,
    "no-zip": /chunk_0002\.zip/,
    "empty-video": /empty-video.*mp4: is empty/,
    "cut-video": /cut-video.*mp4: /,
    "text-video": /text-video.*mp4: cannot be read as video/,
    "fewer-frames": /4 frames and 5 times/,
    "back-frames": /row 3: time 50000 us comes after/,
    "cut-times": /timestamps\.parquet: cannot be read as Parquet/,
  };
  const good = ids.filter((id) => id.startsWith("good")).map((id) => `pai-${id}`);
  await expectSkips(
    "pai",
    path,
    good,
    Object.fromEntries(
      Object.entries(messages)
        .filter(([id]) => id in clips)
        .map(([id, message]) => [`pai-${id}`, message]),
    ),
  );
  if (!hasVideo) context.skip("without ffmpeg");
});

test("CARLA recordings", async () => {
  const path = join(root, "carla");
  const write = async (name: string, change: (rows: CarlaRow[]) => unknown = () => undefined) => {
    const rows = carlaLeftTurn();
    change(rows);
    await mkdir(join(path, name, "telemetry"), { recursive: true });
    const file = join(path, name, "manifest.jsonl");
    await writeFile(file, rows.map((r) => `${JSON.stringify(r)}\n`).join(""));
    return file;
  };
  const each = (rows: CarlaRow[], change: (row: CarlaRow) => void) => rows.forEach(change);
  const negate = (row: CarlaRow, ...keys: string[]) => {
    for (const key of keys) row[key] = -(row[key] as number);
  };
  await write("good");
  await write("empty", (rows) => rows.splice(0));
  await write("null", (rows) => Object.assign(rows[4] as CarlaRow, { vehicle_x: null }));
  await write("back", (rows) => Object.assign(rows[4] as CarlaRow, { timestamp: 30 }));
  await write("column", (rows) => delete (rows[4] as CarlaRow).steer);
  await write("episodes", (rows) => Object.assign(rows[60] as CarlaRow, { episode_id: "ep1" }));
  await write("right-handed", (rows) =>
    each(rows, (r) => negate(r, "vehicle_y", "vehicle_yaw_deg")),
  );
  await write("half", (rows) => each(rows, (r) => negate(r, "vehicle_y")));
  await write("undecided", (rows) => rows.splice(40));
  await truncate(await write("cut"), 1010);
  await write("segment");
  await writeFile(join(path, "segment", "telemetry", "segment_0000.mcap"), "no MCAP file");
  const id = (name: string) => `carla-${name}`;
  await expectSkips("carla", path, [id("good")], {
    [id("empty")]: /manifest\.jsonl: 0 rows/,
    [id("null")]: /row 5: vehicle_x: .*null/,
    [id("back")]: /row 5: timestamp 30 s comes after/,
    [id("column")]: /row 5: steer/,
    [id("episodes")]: /row 61: episode ep1 follows ep0/,
    [id("right-handed")]: /its poses look right-handed/,
    [id("half")]: /yaw is .* degrees off the direction of travel/,
    [id("undecided")]: /which hand its coordinates have cannot be settled/,
    [id("cut")]: /manifest\.jsonl row \d+: not valid JSON/,
    [id("segment")]: /segment_0000\.mcap/,
  });
});

test("drive files", async () => {
  const path = join(root, "mcap");
  await mkdir(path);
  const write = async (name: string, id = name): Promise<string> => {
    const file = join(path, `${name}.mcap`);
    await writeDrive(bareDrive(id, straightStates(seconds, 8)), file);
    return file;
  };
  await write("good");
  await truncate(await write("cut"), 3000);
  await truncate(await write("empty"), 0);
  await write("renamed", "another");
  await writeFile(join(path, "text.mcap"), "this is not an MCAP file");
  const flipped = await readFile(await write("flipped"));
  flipped.fill(255, flipped.byteLength >> 1, (flipped.byteLength >> 1) + 40);
  await writeFile(join(path, "flipped.mcap"), flipped);
  await expectSkips("causeway", path, ["good"], {
    cut: /cut\.mcap/,
    empty: /empty\.mcap/,
    renamed: /holds drive "another"; expected "renamed"/,
    text: /text\.mcap/,
    flipped: /flipped\.mcap/,
  });
});

test("what no batch can be made of is one error line, and nothing is written", async () => {
  await mkdir(join(root, "nothing"));
  await mkdir(join(root, "index-only"));
  await writeFile(join(root, "index-only", "clip_index.parquet"), "no table");
  await writeFile(join(root, "index-only", "features.csv"), "");
  for (const [format, path, message] of [
    ["kitti", "nothing", /nothing: no kitti-odometry recording there/],
    ["auto", "nothing", /no known format found/],
    ["carla", "nowhere", /nowhere: no such file or folder/],
    ["auto", "nowhere", /nowhere: no such file or folder/],
    ["kity", "nothing", /no importer for "kity"/],
    ["pai", "index-only", /clip_index\.parquet: cannot be read as Parquet/],
  ] as const) {
    [stderr, stdout] = ["", ""];
    await importInto(join(root, "never"), format, join(root, path));
    expect(process.exitCode).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n"), stderr).toHaveLength(1);
  }
  await expect(openDataset(join(root, "never"))).rejects.toThrow(/no dataset\.json/);
});
