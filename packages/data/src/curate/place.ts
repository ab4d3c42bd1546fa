/** Where and when a recording was made, as far as the source says: never guessed from pictures. */
import type { DriveHandle } from "../drive-handle.ts";

const datePattern = /(20\d\d)-(\d\d)-(\d\d)(?:[T _-]+(\d\d)[-:](\d\d))?/;
const placePattern = /\b(?:city|country|town): *([A-Za-z][\w -]{1,40})/i;

export function placeAndTimeOf(drive: DriveHandle): { place: string | null; time: string | null } {
  const { source } = drive;
  const facts = source.facts ?? {};
  const texts = [source.recording ?? "", drive.id, ...source.notes];
  let place: string | null = null;
  for (const key of ["city", "town", "location", "country"]) {
    if (place === null && facts[key] !== undefined) place = String(facts[key]);
  }
  let time: string | null = null;
  for (const text of texts) {
    const date = datePattern.exec(text);
    if (time === null && date !== null) {
      const [, year, month, day, hour, minute] = date;
      time = `${year}-${month}-${day}${hour === undefined ? "" : ` ${hour}:${minute}`}`;
    }
    place ??= placePattern.exec(text)?.[1] ?? null;
  }
  if (time === null && facts.hour_of_day !== undefined) {
    const month = facts.month === undefined ? "" : `month ${facts.month}, `;
    time = `${month}${facts.hour_of_day} h`;
  }
  return { place, time };
}
