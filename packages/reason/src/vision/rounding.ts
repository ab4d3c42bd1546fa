/** Rounding as Python does it: exact ties go to the even neighbour. `Math.round` and `toFixed` send them up. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** `f"{value:.1f}"`. A double is an exact tie of tenths only at .25 and .75, and `toFixed` is right elsewhere. */
export function oneDecimal(value: number): string {
  const quarters = value * 4;
  if (Number.isInteger(quarters) && Math.abs(quarters) % 2 === 1)
    return (roundHalfEven(value * 10) / 10).toFixed(1);
  return value.toFixed(1);
}
