import { type TracedOAuth, type TraceResults, traced } from "../base/tracing.js";
import { openUrl } from "../pending/internal.js";

interface Where {
  readonly issuer?: string;
  readonly resource?: string;
}

/** Runs a function of this room, and tells those who listen where it goes to. A URL may carry a secret, so only the open part of it is told. */
export const tracedStep = <T>(
  step: TracedOAuth,
  where: () => Where,
  run: () => Promise<T>,
  resultOf: (value: T) => TraceResults["oauth"] = () => ({}),
): Promise<T> =>
  traced(
    "oauth",
    () => {
      const { issuer, resource } = where();
      return {
        step,
        ...(issuer !== undefined && { issuer: openUrl(issuer) }),
        ...(resource !== undefined && { resource: openUrl(resource) }),
      };
    },
    run,
    resultOf,
  );
