export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [sorted[sorted.length % 2 ? middle : middle - 1], sorted[middle]];
  return (low + high) / 2;
}

/** The middle of several runs, and between which values half of them lie. */
export interface Measured {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** In the order in which they were measured. */
  readonly values: readonly number[];
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(part * (sorted.length - 1))] ?? Number.NaN;
}

export function measured(values: readonly number[]): Measured {
  return { value: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75), values };
}
