import { type Html, html } from "../report/html.ts";
import type { Shot } from "./data.ts";

/** A picture with the driven way on the road. */
export function shotView(shot: Shot | null): Html {
  if (shot === null) return html`<div class="noshot">no picture</div>`;
  const { width, height } = shot;
  // Not lazy: the bytes are in the page, and print would show black boxes.
  return html`<div class="view"><img decoding="async" alt="" width="${width}" height="${height}" src="data:image/jpeg;base64,${shot.jpeg}">${shot.ribbon === "" ? null : html`<svg viewBox="0 0 ${width} ${height}"><path class="ribbon c-expert" d="${shot.ribbon}"/></svg>`}</div>`;
}
