/** Beta(1.5, 1): the distribution that flow-matching experts draw their training time from (pi0 style). */

/** Quantile u^(2/3) of the cdf x^1.5. */
export const betaQuantile = (u: number): number => u ** (2 / 3);

/** log density, log(1.5 sqrt(x)). */
export const betaLogDensity = (x: number): number => Math.log(1.5) + 0.5 * Math.log(x);

/** Flow time 0.999 (1 - quantile(u)) for u uniform in [0, 1): mean 0.3996, so noise (t = 0) is seen more often. */
export const flowTime = (u: number): number => 0.999 * (1 - betaQuantile(u));
