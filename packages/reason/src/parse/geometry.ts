/** Boxes, points and trajectories in a reply, as pixels of the picture that was asked about. */
import { z } from "zod";
import {
  type CoordinateConvention,
  type ImageSize,
  largestValue,
  relative1000,
  toPixels,
} from "./coordinates.ts";
import { findJson } from "./json.ts";
import { excerpt, failed, found, type Parsed } from "./parsed.ts";

/** Pixels; x1 <= x2, y1 <= y2. */
export interface Box2d {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly label: string;
}

export interface Point2d {
  readonly x: number;
  readonly y: number;
  readonly label: string;
}

/** Metres and radians in the camera's frame: x right, y down, z forward; roll about z, pitch about x, yaw about y. */
export interface Box3d {
  readonly centre: readonly [number, number, number];
  readonly size: readonly [number, number, number];
  readonly roll: number;
  readonly pitch: number;
  readonly yaw: number;
  readonly label: string;
}

/** How the numbers are to be read, and of which picture. */
export interface PictureFrame {
  readonly image: ImageSize;
  readonly convention?: CoordinateConvention;
}

type Entry = Readonly<Record<string, unknown>>;
const isEntry = (value: unknown): value is Entry =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const numbers = (length: number) => z.array(z.number()).length(length);
const cornersShape = z.object({ x1: z.number(), y1: z.number(), x2: z.number(), y2: z.number() });
const boxKeys = ["bbox_2d", "box_2d", "bbox", "box"];
const pointKeys = ["point_2d", "point", "coordinate", "position"];
const labelKeys = ["label", "name", "category", "object", "class", "caption"];

/** A list of entries: the reply is the list, holds it in a field, or is one entry alone. */
function entriesOf(value: unknown, isOne: (value: unknown) => boolean): readonly unknown[] | null {
  if (isOne(value)) return [value];
  if (Array.isArray(value)) return value;
  if (!isEntry(value)) return null;
  const lists = Object.values(value).filter((inner) => Array.isArray(inner));
  return lists.length === 1 ? (lists[0] as unknown[]) : null;
}

const labelOf = (entry: unknown): string => {
  if (!isEntry(entry)) return "";
  for (const key of labelKeys) {
    const value = entry[key];
    if (typeof value === "string" || typeof value === "number") return String(value);
  }
  return "";
};

const fieldOf = (entry: unknown, keys: readonly string[]): unknown =>
  isEntry(entry) ? keys.map((key) => entry[key]).find((value) => value !== undefined) : entry;

function cornersOf(entry: unknown): readonly number[] | null {
  const value = fieldOf(entry, boxKeys) ?? entry;
  const list = numbers(4).safeParse(value);
  if (list.success) return list.data;
  const named = cornersShape.safeParse(value);
  if (!named.success) return null;
  const { x1, y1, x2, y2 } = named.data;
  return [x1, y1, x2, y2];
}

/** Values outside of the picture by more than this are not a rounding error but another convention. */
const slack = 1.02;

function rangeProblem(values: readonly number[], convention: CoordinateConvention): string | null {
  for (const [i, value] of values.entries()) {
    const most = largestValue(convention, i % 2 === 0 ? "width" : "height");
    if (value < -most * (slack - 1) || value > most * slack)
      return `${value} lies outside of 0 to ${most}${convention.kind === "relative-1000" ? "; are these pixels? Then read them with the absolute convention" : ""}`;
  }
  return null;
}

const clamp = (value: number, most: number): number => Math.min(Math.max(value, 0), most);

/** An empty list is an answer: there is no such object. */
export function parseBoxes(text: string, frame: PictureFrame): Parsed<readonly Box2d[]> {
  const { image, convention = relative1000 } = frame;
  const isOne = (value: unknown): boolean => cornersOf(value) !== null;
  const json = findJson(text, (value) => entriesOf(value, isOne) !== null);
  if (!json.ok) return json;
  const boxes: Box2d[] = [];
  const notes = [...json.notes];
  for (const [i, entry] of (entriesOf(json.value, isOne) ?? []).entries()) {
    const corners = cornersOf(entry);
    const problem =
      corners === null
        ? `is no box: ${excerpt(JSON.stringify(entry))}`
        : rangeProblem(corners, convention);
    if (corners === null || problem !== null) {
      notes.push(`element ${i + 1} ${problem}`);
      continue;
    }
    const [a, b] = [corners.slice(0, 2), corners.slice(2)].map((corner) =>
      toPixels(corner as [number, number], image, convention),
    ) as [[number, number], [number, number]];
    if (a[0] > b[0] || a[1] > b[1]) notes.push(`element ${i + 1} had its corners exchanged`);
    boxes.push({
      x1: clamp(Math.min(a[0], b[0]), image.width),
      y1: clamp(Math.min(a[1], b[1]), image.height),
      x2: clamp(Math.max(a[0], b[0]), image.width),
      y2: clamp(Math.max(a[1], b[1]), image.height),
      label: labelOf(entry),
    });
  }
  return settle(boxes, notes, json.notes.length);
}

/** In the order of the reply, which is the order of time in a trajectory. */
export function parsePoints(text: string, frame: PictureFrame): Parsed<readonly Point2d[]> {
  const { image, convention = relative1000 } = frame;
  const pointOf = (entry: unknown): readonly number[] | null => {
    const value = fieldOf(entry, pointKeys) ?? entry;
    const list = numbers(2).safeParse(value);
    if (list.success) return list.data;
    const named = z.object({ x: z.number(), y: z.number() }).safeParse(value);
    return named.success ? [named.data.x, named.data.y] : null;
  };
  const isOne = (value: unknown): boolean => pointOf(value) !== null;
  const json = findJson(text, (value) => entriesOf(value, isOne) !== null);
  if (!json.ok) return json;
  const points: Point2d[] = [];
  const notes = [...json.notes];
  for (const [i, entry] of (entriesOf(json.value, isOne) ?? []).entries()) {
    const values = pointOf(entry);
    const problem =
      values === null
        ? `is no point: ${excerpt(JSON.stringify(entry))}`
        : rangeProblem(values, convention);
    if (values === null || problem !== null) {
      notes.push(`element ${i + 1} ${problem}`);
      continue;
    }
    const [x, y] = toPixels(values as [number, number], image, convention);
    points.push({ x: clamp(x, image.width), y: clamp(y, image.height), label: labelOf(entry) });
  }
  return settle(points, notes, json.notes.length);
}

export function parseBoxes3d(text: string): Parsed<readonly Box3d[]> {
  const valuesOf = (entry: unknown): readonly number[] | null => {
    const list = numbers(9).safeParse(fieldOf(entry, ["bbox_3d", "box_3d"]));
    return list.success ? list.data : null;
  };
  const isOne = (value: unknown): boolean => valuesOf(value) !== null;
  const json = findJson(text, (value) => entriesOf(value, isOne) !== null);
  if (!json.ok) return json;
  const boxes: Box3d[] = [];
  const notes = [...json.notes];
  for (const [i, entry] of (entriesOf(json.value, isOne) ?? []).entries()) {
    const v = valuesOf(entry) as
      | [number, number, number, number, number, number, number, number, number]
      | null;
    if (v === null || v[3] <= 0 || v[4] <= 0 || v[5] <= 0) {
      notes.push(
        `element ${i + 1} is no box of nine numbers with positive sizes: ${excerpt(JSON.stringify(entry))}`,
      );
      continue;
    }
    boxes.push({
      centre: [v[0], v[1], v[2]],
      size: [v[3], v[4], v[5]],
      roll: v[6],
      pitch: v[7],
      yaw: v[8],
      label: labelOf(entry),
    });
  }
  return settle(boxes, notes, json.notes.length);
}

/** Elements that could not be read cost themselves only, unless nothing is left. */
function settle<T>(
  values: readonly T[],
  notes: readonly string[],
  jsonNotes: number,
): Parsed<readonly T[]> {
  const problems = notes.slice(jsonNotes).filter((n) => !n.includes("exchanged"));
  if (values.length === 0 && problems.length > 0) return failed(`${problems.join("; ")}.`);
  return found(values, notes);
}
