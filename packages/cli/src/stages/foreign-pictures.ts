/** Pictures of other drives, for the question whether a model looks at all. */
import { createRng, type RgbImage } from "@causeway/geom";
import type { SampleLoader } from "@causeway/data";
import { UserError } from "../errors.ts";
import type { SampleRow } from "./labels.ts";

/** Scenario part of a drive id ("stop_for_light-12"), so that pictures come from another kind where there is one. */
const kindOf = (driveId: string): string => driveId.replace(/-\d+$/, "");

function others(driveId: string, rows: readonly SampleRow[]): readonly SampleRow[] {
  const otherKind = rows.filter((r) => kindOf(r.driveId) !== kindOf(driveId));
  const otherDrive = rows.filter((r) => r.driveId !== driveId);
  const found = otherKind.length > 0 ? otherKind : otherDrive;
  if (found.length === 0)
    throw new UserError(
      "DATA",
      `pictures cannot be shuffled: there is only one held-out drive (${driveId}). Hold out at least two`,
    );
  return found;
}

/** The sample whose pictures stand in for those of `row`: of another drive, chosen by seed and id. */
export function foreignSample(row: SampleRow, rows: readonly SampleRow[], seed: number): SampleRow {
  return createRng(seed).fork(`foreign/${row.id}`).pick(others(row.driveId, rows));
}

/** Foreign pictures for closed-loop scenes: another drive's, in its own time order while the scene runs. */
export function foreignPictures(
  rows: readonly SampleRow[],
  loader: SampleLoader,
  seed: number,
): (scene: {
  readonly sceneId: string;
  readonly stampUs: number;
}) => Promise<ReadonlyMap<string, readonly RgbImage[]>> {
  const sequences = new Map<string, readonly SampleRow[]>();
  return async ({ sceneId, stampUs }) => {
    let sequence = sequences.get(sceneId);
    if (sequence === undefined) {
      const candidates = others(sceneId, rows);
      const { driveId } = createRng(seed).fork(`foreign/${sceneId}`).pick(candidates);
      sequence = candidates.filter((r) => r.driveId === driveId);
      sequences.set(sceneId, sequence);
    }
    // The newest moment of that drive that is not later than the scene's own clock; the drive starts again at its end.
    const spanUs = (sequence.at(-1)?.t0Us ?? 0) - (sequence[0]?.t0Us ?? 0) + 1;
    const atUs = (sequence[0]?.t0Us ?? 0) + (stampUs % spanUs);
    const row = sequence.findLast((r) => r.t0Us <= atUs) ?? (sequence[0] as SampleRow);
    const [sample] = await loader.load([row]);
    if (sample === undefined) throw new Error(`loader gave no sample for ${row.id}`);
    return sample.cameras;
  };
}
