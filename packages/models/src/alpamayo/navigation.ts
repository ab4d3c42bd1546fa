/** The navigation text of a prompt: its other side, and the three inputs that show what a model makes of it. */
import { ConfigError } from "../errors.ts";
import type { ModelInput } from "../input.ts";

/**
 * Swaps left and right as directions, with their capitals: "Turn left" ↔ "Turn right", "rightmost" ↔ "leftmost".
 * "right of way", "right away" and "right now" are no directions and stay.
 */
export function swapSides(text: string): string {
  return text.replace(
    /\b(left|right)(?=\b|most|ward|hand)(?![ -]of[ -]way| away\b| now\b)/gi,
    (word) => {
      const other = word.toLowerCase() === "left" ? "right" : "left";
      if (word === word.toUpperCase()) return other.toUpperCase();
      return word[0] === word[0]?.toUpperCase() ? other[0]?.toUpperCase() + other.slice(1) : other;
    },
  );
}

/** The same moment without the navigation text: a prompt without its route span, all else in its place. */
export const withoutNavigation = <Input extends Pick<ModelInput, "navText">>(
  input: Input,
): Input => (input.navText === null ? input : { ...input, navText: null });

export const navigationConditions = ["with", "without", "swapped"] as const;
export type NavigationCondition = (typeof navigationConditions)[number];

/**
 * One moment under three conditions: its navigation text, none, and the text to the other side. A text that names no side
 * has no third.
 *
 * @throws ConfigError when there is no text.
 */
export function navigationVariants(
  input: ModelInput,
): ReadonlyMap<NavigationCondition, ModelInput> {
  const { navText } = input;
  if (navText === null)
    throw new ConfigError("navigation: this moment has no navigation text to compare with");
  const swapped = swapSides(navText);
  return new Map<NavigationCondition, ModelInput>([
    ["with", input],
    ["without", withoutNavigation(input)],
    ...(swapped === navText ? [] : ([["swapped", { ...input, navText: swapped }]] as const)),
  ]);
}
