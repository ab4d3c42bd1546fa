/** The review page in a real browser, and what becomes of its answers. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  defaultWindow,
  DriveShelf,
  labelContentHash,
  labelFromTeacher,
  lessonOf,
  mergeReviews,
  parseReviewFile,
  replayReviews,
  reviewItem,
  reviewOrder,
  reviewPage,
  reviewPageAssets,
  type ReviewRecord,
  type Verified,
  verifyLabel,
} from "@causeway/label";
import { goodComponents, goodDecision } from "./lesson-answers.ts";
import { lessonItems, openLesson } from "./lesson-drives.ts";

const browserPath = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((p) => existsSync(p));

function rowOf(index: number, change: Partial<Verified["label"]> = {}): Verified {
  const { id, driveId, t0Us } = lessonItems(1)[index];
  const label = {
    ...labelFromTeacher(
      {
        id,
        driveId,
        t0Us,
        promptVersion: "p",
        promptHash: "h",
        sampling: { maxTokens: 10 },
        inputs: { history: "a", future: "b" },
        components: goodComponents.components,
        decision: goodDecision,
        calls: [],
      },
      "openai:teacher",
      defaultWindow,
    ),
    ...change,
  };
  const verdict = verifyLabel({ label, evidence: null, keyframe: null });
  return {
    label,
    scenario: null,
    verdict,
    critic: null,
    reasons: ["doubt </script><b>"],
    human: null,
  };
}

async function pageOf(
  rows: readonly Verified[],
  authors: readonly string[],
  isBlind = false,
): Promise<string> {
  const shelf = new DriveShelf(openLesson);
  const items = [];
  for (const row of rows) {
    const { id, driveId, t0Us } = row.label;
    const lesson = await lessonOf(shelf, { id, driveId, t0Us });
    items.push(
      reviewItem(row, lesson.history, await lesson.future(), { isBlind, authors, priority: 1 }),
    );
  }
  return reviewPage(items, { title: "Review", isBlind }, await reviewPageAssets());
}

describe.skipIf(browserPath === undefined)("in a browser (skipped without Chromium)", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "review-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test("history first, future locked until confirmed, keys, answers saved to a file", async () => {
    const rows = [rowOf(4), rowOf(5), rowOf(6)];
    const path = join(folder, "review.html");
    await writeFile(path, await pageOf(rows, ["openai:teacher", "lee"]));
    const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage({ acceptDownloads: true });
      const wrong: string[] = [];
      page.on("pageerror", (e) => wrong.push(e.message));
      page.on("request", (r) => {
        if (!/^(file|data|blob):/.test(r.url())) wrong.push(r.url());
      });
      await page.goto(`file://${path}`);
      expect(await page.locator("#history .strip figure").count()).toBe(5);
      expect(await page.locator("#future").count()).toBe(0);
      expect(await page.locator("#app").innerText()).not.toContain(goodDecision.trace);

      // Nameless, the future stays shut; so it does for an author.
      await page.keyboard.press("c");
      expect(await page.locator("#message").innerText()).toContain("name");
      await page.fill("#reviewer", "lee");
      await page.locator("#reviewer").blur();
      await page.keyboard.press("c");
      expect(await page.locator("#future").count()).toBe(0);
      expect(await page.locator("#author").isVisible()).toBe(true);
      await page.fill("#reviewer", "kim");
      await page.locator("#reviewer").blur();
      expect(await page.locator("#author").isVisible()).toBe(false);

      // A verdict needs the future, the future needs the components.
      await page.keyboard.press("a");
      expect(await page.locator("#message").innerText()).toContain("Confirm the components");
      await page.keyboard.press("2");
      await page.keyboard.press("c");
      expect(await page.locator("#future .strip figure").count()).toBeGreaterThan(10);
      expect(await page.locator("#claim").innerText()).toContain(goodDecision.trace);
      expect(await page.locator("#claim").innerText()).toContain("doubt </script><b>");
      await page.keyboard.press("2"); // a change of mind after the future: kept on record
      await page.keyboard.press("a");
      expect(await page.locator("#place").innerText()).toContain("2 of 3, 1 answered");

      await page.keyboard.press("c");
      await page.keyboard.press("e");
      await page.fill(
        "textarea[name=trace]",
        "Follow the car ahead because the car ahead is close.",
      );
      await page.locator("textarea[name=trace]").blur();
      await page.keyboard.press("j");
      await page.keyboard.press("c");
      await page.keyboard.press("r");

      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.keyboard.press("s"),
      ]);
      const saved = join(folder, "answers.json");
      await download.saveAs(saved);
      const file = parseReviewFile(JSON.parse(await readFile(saved, "utf8")), saved);
      expect(file.reviewer).toBe("kim");
      expect(file.records.map((r) => r.verdict)).toEqual(["approve", "edit", "reject"]);
      expect(file.records[0]).toMatchObject({ confirmed: ["c1", "c2"], lateChanges: ["+c2"] });
      const { added, skipped } = mergeReviews(
        file,
        new Map(rows.map((r) => [r.label.id, r.label])),
        [],
      );
      expect(skipped).toEqual([]);
      expect(added.map((a) => a.after.status)).toEqual(["accepted", "review", "rejected"]);
      expect(added[1].after.trace).toContain("is close");
      // The state survives a reload.
      await page.reload();
      expect(await page.locator("#place").innerText()).toContain("3 answered");
      expect(wrong).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  test("a click works straight from the name, and no rule speaks twice", async () => {
    const row = rowOf(4);
    const path = join(folder, "review.html");
    const broken = {
      ...row,
      reasons: row.verdict.results.map((r) => `${r.rule}: ${r.detail}`),
    };
    await writeFile(path, await pageOf([broken], ["openai:teacher"]));
    const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      await page.goto(`file://${path}`);
      await page.click("#reviewer");
      await page.keyboard.type("kim");
      expect(await page.locator("#history polyline").count()).toBe(2);
      await page.click("#confirm");
      expect(await page.locator("#future polyline").count()).toBe(4);
      const said = await page.locator("#claim .findings li").allInnerTexts();
      const plain = said.map((t) => t.replace(" error:", ":"));
      expect(new Set(plain).size).toBe(plain.length);
      await page.click("#approve");
      expect(await page.locator("#place").innerText()).toContain("1 answered");
    } finally {
      await browser.close();
    }
  });

  test("blind mode shows no verdict", async () => {
    expect(await pageOf([rowOf(4)], [], true)).not.toContain("doubt");
  });
});

describe("merging", () => {
  const rows = [rowOf(4), rowOf(5)];
  const labels = new Map(rows.map((r) => [r.label.id, r.label]));
  const record = (index: number, change: Partial<ReviewRecord> = {}): ReviewRecord => ({
    id: rows[index].label.id,
    labelHash: labelContentHash(rows[index].label),
    verdict: "approve",
    checks: {
      components_seen: true,
      decision_right: true,
      cause_explains: true,
      no_future: true,
    },
    confirmed: ["c1"],
    lateChanges: [],
    edit: null,
    note: "",
    secs: 12,
    at: "2026-01-01T00:00:00.000Z",
    ...change,
  });
  const file = (reviewer: string, records: ReviewRecord[]) =>
    parseReviewFile({ schema: "causeway/review/1", reviewer, records }, "f.json");
  const edit = {
    longitudinal: "lead_following" as const,
    lateral: "lane_keep" as const,
    lateralSide: null,
    causeIds: ["c1"],
    trace: "Follow the car ahead because the car ahead is close.",
  };

  test("the same file twice changes nothing; the full history stays", () => {
    const first = mergeReviews(file("kim", [record(0)]), labels, []);
    expect(first.added).toHaveLength(1);
    expect(first.added[0].before).toEqual(rows[0].label);
    const again = mergeReviews(
      file("kim", [record(0)]),
      replayReviews([...labels.values()], first.added),
      first.added,
    );
    expect(again.added).toEqual([]);
    expect(again.skipped[0].reason).toContain("merged already");
  });

  test("who edited may not check; another person may", () => {
    const edited = mergeReviews(file("kim", [record(0, { verdict: "edit", edit })]), labels, []);
    const now = replayReviews([...labels.values()], edited.added);
    const changed = now.get(rows[0].label.id);
    expect(changed?.status).toBe("review");
    const hash = labelContentHash(changed as NonNullable<typeof changed>);
    const own = mergeReviews(file("kim", [record(0, { labelHash: hash })]), now, edited.added);
    expect(own.skipped[0].reason).toContain("is an author");
    const other = mergeReviews(file("sam", [record(0, { labelHash: hash })]), now, edited.added);
    expect(other.added[0].after).toMatchObject({ status: "accepted", origin: "auto+human" });
    expect(
      mergeReviews(file("openai:teacher", [record(1)]), labels, []).skipped[0].reason,
    ).toContain("author");
  });

  test("labels that have changed or are gone, and edits that do not fit, are skipped by name", () => {
    const { added, skipped } = mergeReviews(
      file("kim", [
        record(0, { labelHash: "other" }),
        record(0, { id: "gone@1" }),
        record(1, { verdict: "edit" }),
        record(1, { verdict: "edit", edit: { ...edit, causeIds: ["c9"] } }),
      ]),
      labels,
      [],
    );
    expect(added).toEqual([]);
    expect(skipped.map((s) => s.reason.slice(0, 17))).toEqual([
      "the label has cha",
      "no such label",
      "an edit without i",
      "causes c9 are not",
    ]);
    expect(() => parseReviewFile({ schema: "x" }, "f.json")).toThrow(/f\.json: field "schema"/);
  });

  test("the queue begins with doubt and audits a share of the accepted", () => {
    const accepted = rowOf(7, { status: "accepted" });
    const rejected = rowOf(8, { status: "rejected" });
    const doubtful = rowOf(9, { status: "review" });
    const all = [accepted, rejected, doubtful, rowOf(10, { status: "no-decision" })];
    expect(reviewOrder(all, 0, () => 0.5).map((o) => o.row)).toEqual([doubtful, rejected]);
    expect(reviewOrder(all, 1, () => 0.5).map((o) => o.row)).toEqual([
      doubtful,
      rejected,
      accepted,
    ]);
    expect(reviewOrder([{ ...doubtful, human: "accepted" }], 1, () => 0)).toEqual([]);
  });
});
