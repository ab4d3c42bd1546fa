/** What curation asks about a drive, answered by the detectors of `label`. */
import { type ClipWindow, type DriveReader, noMotionTag } from "@causeway/data";
import { inspectMotion } from "@causeway/label";

/** Manoeuvres less sure than this do not name a clip. */
const leastConfidence = 0.4;

const isDefault = (decision: string) =>
  decision === "set_speed_tracking" || decision === "lane_keep";

export const driveReader: DriveReader = {
  version: "label-detectors-1",
  async read(drive) {
    const { series, metaActions, keyframes, ...found } = inspectMotion(
      drive.egoMotion,
      undefined,
      await drive.map(),
    );
    const manoeuvres = found.manoeuvres.map((m) => ({
      ...m,
      startUs: series.stampUs[m.startTick],
      endUs: series.stampUs[m.startTick] + (m.endTick - m.startTick) * 100_000,
    }));
    const { longitudinal } = metaActions.axes;
    const decisions = (await drive.decisions()) ?? [];
    const overlapUs = (w: ClipWindow, startUs: number, endUs: number) =>
      Math.max(0, Math.min(w.endUs, endUs) - Math.max(w.startUs, startUs));
    return {
      eventsUs: keyframes.map((k) => k.t0Us),
      tagsOf(window) {
        const inside = manoeuvres
          .filter(
            (m) =>
              m.kind !== "shift" &&
              m.confidence >= leastConfidence &&
              overlapUs(window, m.startUs, m.endUs) >= 0.5 * (m.endUs - m.startUs),
          )
          // A bend of the road says less than what the driver did.
          .sort(
            (a, b) =>
              Number(a.kind === "curve") - Number(b.kind === "curve") ||
              b.confidence - a.confidence,
          );
        const time = new Map<string, number>();
        if (longitudinal.isAvailable)
          for (const i of longitudinal.intervals) {
            const spent = overlapUs(window, i.startUs, i.endUs);
            if (spent > 0) time.set(i.action, (time.get(i.action) ?? 0) + spent);
          }
        const counts = new Map<string, number>();
        for (const { stampUs, decision } of decisions) {
          if (stampUs < window.startUs || stampUs >= window.endUs) continue;
          const side = decision.lateralSide === null ? "" : ` ${decision.lateralSide}`;
          for (const word of [
            decision.longitudinal,
            decision.lateral === null ? null : decision.lateral + side,
          ])
            if (word !== null) counts.set(word, (counts.get(word) ?? 0) + 1);
        }
        const most = (of: Map<string, number>) =>
          [...of].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
        const special = new Map([...counts].filter(([word]) => !isDefault(word)));
        const [clearest] = inside;
        return {
          manoeuvre: !drive.has.motion
            ? noMotionTag
            : clearest === undefined
              ? "straight"
              : `${clearest.kind.replace("_", " ")} ${clearest.side}`,
          longitudinal: most(time),
          decision: most(special) ?? most(counts),
        };
      },
    };
  },
};
