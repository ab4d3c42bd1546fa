/** Open drives, shared by the keyframes that are being labelled; a drive that nobody uses is closed when others come. */
import type { DriveHandle } from "@causeway/data";
import { inspectMotion } from "../inspect.ts";
import type { MetaActions } from "../meta-actions/tidy.ts";

export interface ShelvedDrive {
  readonly drive: DriveHandle;
  readonly metaActions: MetaActions;
}

interface Place {
  readonly shelved: Promise<ShelvedDrive>;
  users: number;
}

export class DriveShelf {
  readonly #open: (driveId: string) => Promise<DriveHandle>;
  readonly #capacity: number;
  readonly #places = new Map<string, Place>();

  constructor(open: (driveId: string) => Promise<DriveHandle>, capacity = 4) {
    this.#open = open;
    this.#capacity = capacity;
  }

  async use<T>(driveId: string, work: (shelved: ShelvedDrive) => Promise<T>): Promise<T> {
    let place = this.#places.get(driveId);
    if (place === undefined) {
      const shelved = this.#open(driveId).then(async (drive) => ({
        drive,
        metaActions: inspectMotion(drive.egoMotion, undefined, await drive.map()).metaActions,
      }));
      place = { shelved, users: 0 };
      this.#places.set(driveId, place);
    }
    place.users++;
    try {
      return await work(await place.shelved);
    } catch (error) {
      // A drive that did not open is tried again by the next keyframe.
      await place.shelved.catch(() => this.#places.delete(driveId));
      throw error;
    } finally {
      place.users--;
      await this.#tidy(this.#capacity);
    }
  }

  close(): Promise<void> {
    return this.#tidy(0);
  }

  async #tidy(capacity: number): Promise<void> {
    for (const [id, place] of this.#places) {
      if (this.#places.size <= capacity) return;
      if (place.users > 0) continue;
      this.#places.delete(id);
      const shelved = await place.shelved.catch(() => null);
      await shelved?.drive.close();
    }
  }
}
