/** Recordings in memory with pictures of a few bytes each, for everything that a teacher is asked about. */
import { type Drive, type DriveHandle, handleOfDrive } from "@causeway/data";
import { createRng } from "@causeway/geom";
import type { TeacherItem } from "@causeway/label";
import { driveCourse } from "./profiles.ts";

export const lessonsPerDrive = 20;

/** 30 s at 10 Hz: speeds up, brakes, drives a bend; every picture has its own bytes. */
export function lessonDrive(index: number): Drive {
  const id = `lesson-${String(index).padStart(3, "0")}`;
  const rng = createRng(9000 + index);
  const brake = rng.uniform(8, 14);
  const motion = driveCourse({
    v0Mps: rng.uniform(5, 12),
    secs: 30,
    accelMps2: (t) => (t > brake && t < brake + 4 ? -1.2 : t > brake + 8 ? 0.6 : 0),
    roadPerM: (t) => (t > 18 && t < 22 ? 0.02 : 0),
  });
  return {
    id,
    source: { format: "test", licence: "none", scenario: null, seed: index, notes: [] },
    durationUs: 30_000_000,
    egoMotion: motion,
    egoSize: null,
    cameras: [
      {
        name: "camera_front_wide_120fov",
        calibration: null,
        frames: Array.from({ length: 301 }, (_, i) => ({
          stampUs: i * 100_000,
          encoding: "jpeg",
          bytes: new TextEncoder().encode(`${id} picture ${i}`),
        })),
      },
    ],
    actors: null,
    lights: null,
    map: null,
    route: [
      { stampUs: 0, command: "straight", distanceM: null },
      { stampUs: 12_000_000, command: "left", distanceM: 40 },
    ],
    decisions: null,
  };
}

export function lessonItems(drives: number): TeacherItem[] {
  return Array.from({ length: drives * lessonsPerDrive }, (_, i) => {
    const driveId = `lesson-${String(Math.floor(i / lessonsPerDrive)).padStart(3, "0")}`;
    const t0Us = 3_000_000 + (i % lessonsPerDrive) * 1_000_000;
    return { id: `${driveId}@${t0Us}`, driveId, t0Us };
  });
}

export const openLesson = async (driveId: string): Promise<DriveHandle> =>
  handleOfDrive(lessonDrive(Number(driveId.slice(-3))));
