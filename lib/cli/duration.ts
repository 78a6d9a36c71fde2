import { UsageError } from "./exit.js";

/** Lengths of time as people write them, `15m`, `30d` or `1h30m`, and as the command shows them. */

const unitMs = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const isUnit = (name: string): name is keyof typeof unitMs => Object.hasOwn(unitMs, name);
const shownUnits = ["d", "h", "m", "s"] as const;

/**
 * The milliseconds that a text means. `plain` is the unit of a number without one; without it such a number is refused.
 * @throws UsageError when it is no length of time
 */
export function duration(text: string, option: string, { plain }: { plain?: keyof typeof unitMs } = {}): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?|\.\d+)(ms|[smhdw])/g)];
  let ms = 0;
  for (const [, amount, unit = ""] of parts) if (isUnit(unit)) ms += Number(amount) * unitMs[unit];
  if (parts.length > 0 && parts.map(([part]) => part).join("") === text) return ms;
  const number = text.trim() === "" ? Number.NaN : Number(text);
  if (plain !== undefined && Number.isFinite(number) && number >= 0) return number * unitMs[plain];
  const seconds = plain === "s" ? "a number of seconds, 0 or more, or " : "";
  throw new UsageError(`--${option} must be ${seconds}a length of time such as 30d, 12h, 15m or 90s`);
}

export function age(since: Date, now = Date.now()): string {
  const ms = Math.max(0, now - since.getTime());
  for (const name of shownUnits) if (ms >= unitMs[name]) return `${Math.floor(ms / unitMs[name])}${name}`;
  return "0s";
}
