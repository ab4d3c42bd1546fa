/** Nearest integer, ties to the even one (IEEE, Python, PyTorch); `Math.round` takes ties up. Exact for any double. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
