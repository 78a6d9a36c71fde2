import { OAuthError, type OAuthStep } from "../base/errors.js";
import { isRecord } from "../base/record.js";
import { visible } from "../base/visible.js";

/** What is told of a stranger's text. */
const textLimit = 500;

/** The body of an answer as a JSON object; nothing when it is none. */
export async function jsonObjectOf(response: Response): Promise<Record<string, unknown> | undefined> {
  try {
    const json: unknown = JSON.parse(await response.text());
    return isRecord(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** The error that an answer is; nothing when it is none. Some servers say an error with status 200. */
export function refusalIn(
  status: number,
  body: Record<string, unknown> | undefined,
  step: OAuthStep,
): OAuthError | undefined {
  const ok = status >= 200 && status < 300;
  const error = typeof body?.error === "string" && body.error !== "" ? body.error : undefined;
  if (error !== undefined) return refused(step, error, body?.error_description, status);
  if (body !== undefined && ok) return undefined;
  const what = ok ? "an answer that is no JSON object" : `the status ${status}`;
  return new OAuthError("INVALID_RESPONSE", step, `the authorization server answered with ${what}`, { status });
}

export function refused(step: OAuthStep, error: string, description: unknown, status?: number): OAuthError {
  const code = visible(error, textLimit);
  const words = typeof description === "string" && description !== "" ? visible(description, textLimit) : undefined;
  return new OAuthError("REFUSED", step, `the authorization server refused: "${code}"`, {
    ...{ error: code, description: words, status },
  });
}
