/** Damaged and foreign MCAP recordings: each costs itself alone and is named with its reason. */
import { mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { quatFromYaw, yawOfQuat } from "@causeway/geom";
import { expect, test } from "vitest";
import { findSource, importDrives, openDataset } from "../src/index.ts";
import { logFolder, odometry, odometryTopic, rig, startUs } from "./mcap-logs.ts";
import { type LogMessage, rosTime, writeLog } from "./topic-logs.ts";

const { mappingFile, pathOf } = logFolder();

test("a batch goes on over every kind of bad recording and names each once", async () => {
  const folder = pathOf("batch");
  await mkdir(folder);
  const write = (name: string, messages: LogMessage[], topics = [odometryTopic]) =>
    writeLog(join(folder, `${name}.mcap`), topics, messages);
  const changed = (change: (row: ReturnType<typeof copyOf>, i: number) => void) =>
    odometry().map((m, i) => {
      const row = copyOf(m);
      change(row, i);
      return row;
    });
  const copyOf = (m: LogMessage) =>
    structuredClone(m) as {
      topic: string;
      logUs: number;
      message: {
        header: { stamp: { sec: number; nanosec: number } };
        pose: {
          pose: {
            position: { x: number; y: number };
            orientation: { x: number; y: number; z: number; w: number };
          };
        };
      };
    };
  await write("a-good", odometry());
  await write("b-empty", []);
  await write("c-other", [], [{ topic: "/note", schema: "std_msgs/msg/String" }]);
  await write(
    "d-back",
    changed((r, i) => {
      if (i === 70) r.message.header.stamp = rosTime(startUs);
    }),
  );
  await write(
    "e-nan",
    changed((r, i) => {
      if (i === 9) r.message.pose.pose.position.x = Number.NaN;
    }),
  );
  await write(
    "f-turn",
    changed((r) => {
      const { orientation } = r.message.pose.pose;
      orientation.w = 2;
    }),
  );
  await write(
    "g-sideways",
    changed((r) => {
      const q = quatFromYaw(yawOfQuat(r.message.pose.pose.orientation) + Math.PI / 2);
      r.message.pose.pose.orientation = { x: q.x, y: q.y, z: q.z, w: q.w };
    }).map((r) => ({ ...r, message: { ...r.message, twist: { twist: {} } } })),
  );
  await write("h-cut-message", [
    ...odometry().slice(0, 5),
    { topic: "/odom", logUs: startUs + 200_000, message: new Uint8Array([0, 1, 0, 0, 9]) },
  ]);
  await write("i-ros1", [], [{ ...odometryTopic, encoding: "ros1" }]);
  await write(
    "j-zero",
    changed((r) => {
      r.message.header.stamp = { sec: 0, nanosec: 0 };
    }),
  );
  await write(
    "k-jump",
    changed((r, i) => {
      if (i > 100) r.message.pose.pose.position.y += 500;
    }),
  );
  await write("l-cut", odometry());
  await truncate(join(folder, "l-cut.mcap"), 3000);
  await writeFile(join(folder, "m-text.mcap"), "not a recording");
  await writeFile(join(folder, "n-none.mcap"), "");
  const mapping = await mappingFile(`ego: { topic: /odom, ${rig} }`);
  const out = pathOf("batch-set");
  const result = await importDrives(findSource("mcap"), folder, out, { read: { mapping } });
  expect(result.imported).toBe(1);
  const why: Record<string, string> = {
    "b-empty": "has 0 poses; expected at least 2",
    "c-other": 'has no topic "/odom" (mapping: ego.topic); it has /note (std_msgs/msg/String)',
    "d-back": "row 71: topic /odom: time 1700000000.000000 s comes after 1700000001.380000 s",
    "e-nan":
      "topic /odom at 1700000000.200000 s: pose.pose.position.x is NaN; expected a finite number",
    "f-turn": "pose.pose.orientation is of length 2",
    "g-sideways": "the car travels -89 degrees off its x axis",
    "h-cut-message": "cannot be decoded with its schema",
    "i-ros1": "topic /odom is encoded as ros1 with schema ros1msg; expected cdr",
    "j-zero": 'Put "clock: log" into the mapping',
    "k-jump": "position jumps 500",
    "l-cut": "the file ends after 3000 bytes without a footer",
    "m-text": "not an MCAP file",
    "n-none": "the file is empty",
  };
  expect(result.skipped.map((s) => s.id)).toEqual(Object.keys(why).map((n) => `mcap-${n}`));
  for (const { id, error } of result.skipped) {
    expect(error).toContain(why[id.slice(5)]);
    expect(error).not.toContain("\n");
  }
  const listed = (await readFile(join(out, "skipped.jsonl"), "utf8")).trim().split("\n");
  expect(listed.map((l) => (JSON.parse(l) as { id: string }).id)).toEqual(
    result.skipped.map((s) => s.id),
  );
  const set = await openDataset(out);
  expect(set.drives.map((d) => d.id)).toEqual(["mcap-a-good"]);
  // Nothing changed: nothing is done again. Another mapping is another input.
  const again = await importDrives(findSource("mcap"), folder, out, { read: { mapping } });
  expect([again.imported, again.unchanged]).toEqual([0, 1]);
  await writeFile(mapping, "ego: { topic: /odom }");
  const other = await importDrives(findSource("mcap"), folder, out, { read: { mapping } });
  expect([other.imported, other.unchanged]).toEqual([1, 0]);
});
