/** What may stand in an HTTP header (RFC 9110 section 5.5 and 5.6.2): an answer that is no header is refused before it is sent. */
import * as v from "valibot";
import { matching, such } from "./shapes.js";

/** RFC 9110 section 5.6.2: names of headers and of authentication schemes. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * An access token (RFC 6749 appendix A.12) that is one word: a scheme before it, a blank or a line end in it would go out as part
 * of the header, or break it.
 */
export const accessToken = v.pipe(
  v.string(),
  matching(/^[\x21-\x7e]+$/, "a token alone: printable ASCII, no blanks, no scheme before it"),
);

/** The scheme to send the token with. Schemes compare without case; `Bearer` is how servers expect to see that one. */
export const tokenType = v.pipe(
  v.string(),
  matching(token, "the name of an authentication scheme"),
  v.transform((scheme) => (scheme.toLowerCase() === "bearer" ? "Bearer" : scheme)),
);

const headerName = v.pipe(v.string(), matching(token, "the name of a header"));

/** Blanks around a value do not belong to it (RFC 9110 section 5.5). */
const headerValue = v.pipe(
  v.string(),
  v.transform((text) => text.replace(/^[ \t]+|[ \t]+$/g, "")),
  matching(/^[\t\x20-\x7e]*$/, "the value of a header: printable ASCII on one line"),
);

export const headers = v.pipe(
  v.record(headerName, headerValue),
  such((fields) => {
    const names = Object.keys(fields).map((name) => name.toLowerCase());
    return new Set(names).size === names.length;
  }, "each header once"),
);
