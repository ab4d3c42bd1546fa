/**
 * Tokens and rates of one request over all of its time, as servers state them:
 * "120 tokens in, 45 out in 3.0 s (40.0 in, 15.0 out tokens/s)".
 */
export function rateText(inputTokens: number, outputTokens: number, milliseconds: number): string {
  const rate = (tokens: number) => ((1000 * tokens) / milliseconds).toFixed(1);
  return `${inputTokens} tokens in, ${outputTokens} out in ${(milliseconds / 1000).toFixed(1)} s (${rate(inputTokens)} in, ${rate(outputTokens)} out tokens/s)`;
}
