/** Requests, replies and labels of the teacher, without a server. */
import { describe, expect, test } from "vitest";
import { type Drive, handleOfDrive } from "@causeway/data";
import {
  checkComponents,
  checkDecision,
  cocLabelSchema,
  componentsPrompt,
  componentsRequest,
  decisionPrompt,
  decisionRequest,
  defaultWindow,
  DriveShelf,
  estimateCost,
  firstJsonObject,
  futureEvidence,
  historyEvidence,
  inspectMotion,
  labelFromTeacher,
  lessonOf,
  overlayPictures,
  requestTokens,
  teach,
  verifyLabel,
} from "@causeway/label";
import type { Ask, ChatReply, ChatRequest } from "@causeway/reason";
import { encodeJpeg } from "@causeway/data";
import { goodAnswer, goodComponents, goodDecision } from "./lesson-answers.ts";
import { lessonDrive } from "./lesson-drives.ts";

const t0Us = 9_000_000;

/** Every byte of a request, pictures included. */
const bytesOf = (request: ChatRequest): string =>
  JSON.stringify(request, (_, v: unknown) =>
    v instanceof Uint8Array ? Buffer.from(v).toString("base64") : v,
  );

/** The same recording with every later byte changed, in every layer. */
function withOtherFuture(drive: Drive, afterUs: number): Drive {
  const { egoMotion } = drive;
  const n = egoMotion.stampUs.findIndex((s) => s > afterUs);
  const change = (column: Float64Array, by: number) =>
    column.map((v, i) => (i < n ? v : v * 1.7 + by));
  return {
    ...drive,
    durationUs: drive.durationUs - 700_000,
    egoMotion: {
      ...egoMotion,
      stampUs: egoMotion.stampUs.map((s, i) => (i < n ? s : s + 13)),
      x: change(egoMotion.x, 5),
      y: change(egoMotion.y, -3),
      z: change(egoMotion.z, 1),
      qw: egoMotion.qw.map((v, i) => (i < n ? v : -v)),
      qz: egoMotion.qz.map((v, i) => (i < n ? v : -v * 0.5)),
      vx: change(egoMotion.vx, 2),
      vy: change(egoMotion.vy, 2),
      vz: change(egoMotion.vz, 2),
    },
    cameras: drive.cameras.map((c) => ({
      ...c,
      frames: c.frames
        .filter((f) => f.stampUs <= afterUs || f.stampUs % 200_000 === 0)
        .map((f) =>
          f.stampUs <= afterUs
            ? f
            : { ...f, stampUs: f.stampUs + 7, bytes: f.bytes.map((b) => b ^ 0xff) },
        ),
    })),
    route: [
      ...(drive.route ?? []).filter((r) => r.stampUs <= afterUs),
      { stampUs: afterUs + 1, command: "right", distanceM: 1 },
    ],
    decisions: [],
  };
}

describe("no byte of the future reaches call 1", () => {
  test("changing every later byte of the drive leaves the request as it is", async () => {
    for (const [index, at] of [
      [1, 9_000_000],
      [2, 15_000_000],
      // Between two rows and two pictures.
      [3, 17_040_001],
    ] as const) {
      const drive = lessonDrive(index);
      const other = withOtherFuture(drive, at);
      const first = componentsRequest(await historyEvidence(handleOfDrive(drive), at));
      const second = componentsRequest(await historyEvidence(handleOfDrive(other), at));
      expect(bytesOf(second)).toBe(bytesOf(first));
      // The test can fail: one byte of the last picture before t0 shows.
      const past = {
        ...drive,
        cameras: drive.cameras.map((c) => ({
          ...c,
          frames: c.frames.map((f) =>
            f.stampUs > at - 100_000 && f.stampUs <= at ? { ...f, bytes: f.bytes.slice(1) } : f,
          ),
        })),
      };
      expect(bytesOf(componentsRequest(await historyEvidence(handleOfDrive(past), at)))).not.toBe(
        bytesOf(first),
      );
      // And the future does reach call 2.
      const { metaActions } = inspectMotion(drive.egoMotion);
      const now = decisionRequest(
        [],
        null,
        await futureEvidence(handleOfDrive(drive), at, metaActions),
      );
      const then = decisionRequest(
        [],
        null,
        await futureEvidence(
          handleOfDrive({ ...other, egoMotion: drive.egoMotion }),
          at,
          metaActions,
        ),
      );
      expect(bytesOf(then)).not.toBe(bytesOf(now));
    }
  });

  test("the future is not even loaded before call 1 is answered", async () => {
    const order: string[] = [];
    const drive = handleOfDrive(lessonDrive(1));
    const lesson = await lessonOf(new DriveShelf(async () => drive), {
      id: "x",
      driveId: drive.id,
      t0Us,
    });
    const ask: Ask = async (request, options) => {
      const last = request.messages.at(-1)?.content.at(-1);
      const text = last?.type === "text" ? last.text : "";
      order.push(request.jsonSchema?.name ?? "");
      const reply = {
        text: JSON.stringify(goodAnswer(text)),
        raw: "",
        finish: "stop",
        inputTokens: 1,
        outputTokens: 1,
        latencyMs: 1,
        model: "m",
      } satisfies ChatReply;
      const value = options?.read?.(reply);
      return { value: value as NonNullable<typeof value>, reply, key: "k", numRepairs: 0 };
    };
    await teach(
      {
        ...lesson,
        future: () => {
          order.push("future");
          return lesson.future();
        },
      },
      ask,
    );
    expect(order).toEqual(["components", "future", "decision"]);
  });
});

describe("prompts", () => {
  test("the texts are what they were", async () => {
    const drive = handleOfDrive(lessonDrive(1));
    const { metaActions } = inspectMotion(drive.egoMotion);
    const first = componentsRequest(await historyEvidence(drive, t0Us));
    const second = decisionRequest(
      goodComponents.components,
      "Turn left in 40m",
      await futureEvidence(drive, t0Us, metaActions),
    );
    const textOf = (r: ChatRequest) =>
      r.messages.map((m) => m.content.map((p) => (p.type === "text" ? p.text : p.type))).flat(2);
    await expect(textOf(first).join("\n---\n")).toMatchFileSnapshot(
      "golden/prompts/components.txt",
    );
    await expect(textOf(second).join("\n---\n")).toMatchFileSnapshot("golden/prompts/decision.txt");
    await expect(
      JSON.stringify([first.jsonSchema, second.jsonSchema], null, 2),
    ).toMatchFileSnapshot("golden/prompts/schemas.json");
    // A changed word needs a new version; the version's hash says which words it stands for.
    expect({
      [componentsPrompt.version]: componentsPrompt.hash,
      [decisionPrompt.version]: decisionPrompt.hash,
    }).toMatchInlineSnapshot(`
        {
          "components-en-1": "c066692969d38061",
          "decision-en-1": "023b6aff70d969cc",
        }
      `);
  });

  test("media come before the text, oldest first, with their times", async () => {
    const history = await historyEvidence(handleOfDrive(lessonDrive(1)), t0Us);
    const parts = componentsRequest(history).messages[1].content;
    expect(parts.map((p) => p.type)).toEqual(["frames", "text"]);
    expect(parts[0]).toMatchObject({ timesSecs: [0, 0.5, 1, 1.5, 2] });
  });
});

describe("replies are checked again by us", () => {
  const good = JSON.stringify(goodComponents);
  test("prose and fences around the object do not matter", () => {
    for (const text of [good, `Sure {really}:\n\`\`\`json\n${good}\n\`\`\`\nDone {.`])
      expect(checkComponents(text, 5)).toEqual({ ok: true, value: goodComponents });
    expect(firstJsonObject('x "{" {"a": "}\\""} y')).toEqual({ a: '}"' });
    expect(firstJsonObject("no {object")).toBeNull();
  });
  test.each([
    ["not json", "no JSON object"],
    ['{"components": [{"id": "c1"}]}', "components.0.kind"],
    [good.replace("lead_vehicle", "spaceship"), "components.0.kind"],
    [good.replace('"c2"', '"c1"'), 'id "c1" is used twice'],
    [good.replace("[3,4]", "[3,7]"), "cites frames 7 of 5"],
    [good.replace("[3,4]", "[]"), "cites no frame"],
  ])("components: %s", (text, problem) => {
    const checked = checkComponents(text, 5);
    expect(checked.ok ? [] : checked.problems.join()).toContain(problem);
  });
  test.each([
    [{ cause_ids: ["c7"] }, "cause_ids c7 are not among the components (c1, c2)"],
    [{ cause_ids: ["c1", "c1"] }, "twice"],
    [{ cause_ids: [] }, "needs a cause"],
    [{ lateral: "turn" }, "turn needs lateral_side"],
    [{ trace: null }, "needs a trace"],
    [{ longitudinal: null, lateral: null }, "must be null"],
    [{ trace: "Stop. Then go." }, "one sentence"],
    [{ longitudinal: "fly" }, "longitudinal"],
    [{ extra: 1 }, "extra"],
  ])("decision: %j", (change, problem) => {
    const checked = checkDecision(JSON.stringify({ ...goodDecision, ...change }), ["c1", "c2"]);
    expect(checked.ok ? [] : checked.problems.join()).toContain(problem);
  });
});

describe("labels", () => {
  const row = {
    id: "d@9000000",
    driveId: "d",
    t0Us,
    promptVersion: "p",
    promptHash: "h",
    sampling: { maxTokens: 10 },
    inputs: { history: "a", future: "b" },
    components: goodComponents.components,
    decision: goodDecision,
    calls: [],
  };
  test("a teacher's row fills the oracle's schema and passes its structure rules", () => {
    const label = labelFromTeacher(row, "openai:t", defaultWindow);
    expect(cocLabelSchema.parse(label)).toEqual(label);
    expect(label).toMatchObject({ teacher: "openai:t", status: "review", causeIds: ["c1"] });
    expect(verifyLabel({ label, evidence: null, keyframe: null }).outcome).toBe("pass");
  });
  test("nothing decided is no decision; an unseen cause goes to a person", () => {
    const none = { ...goodDecision, longitudinal: null, lateral: null, trace: null, cause_ids: [] };
    expect(labelFromTeacher({ ...row, decision: none }, "t", defaultWindow).status).toBe(
      "no-decision",
    );
    const unseen = { ...goodDecision, cause_ids: [], unobserved: "a siren" };
    expect(
      labelFromTeacher({ ...row, decision: unseen }, "t", defaultWindow).statusReason,
    ).toContain("a siren");
  });
});

test("time marks change the pictures and nothing else", async () => {
  const grey = { width: 160, height: 96, pixels: new Uint8Array(160 * 96 * 3).fill(90) };
  const picture = { secs: -0.5, bytes: await encodeJpeg(grey), mime: "image/jpeg" };
  const cameras = [{ camera: "front", pictures: [picture] }];
  expect(await overlayPictures(cameras, "none")).toBe(cameras);
  const [{ pictures }] = await overlayPictures(cameras, "time");
  expect(pictures[0].secs).toBe(-0.5);
  expect(pictures[0].bytes).not.toEqual(picture.bytes);
});

test("a dry run's estimate adds up", async () => {
  const request = componentsRequest(await historyEvidence(handleOfDrive(lessonDrive(1)), t0Us));
  expect(requestTokens(request)).toBeGreaterThan(5 * 800);
  const price = { inputPerMTok: 2, outputPerMTok: 10 };
  expect(estimateCost(100, 10_000, { price, secsPerRequest: 3, concurrency: 10 })).toEqual({
    keyframes: 100,
    requests: 200,
    inputTokens: 1_000_000,
    outputTokens: 70_000,
    costUsd: 2.7,
    secs: 60,
  });
});
