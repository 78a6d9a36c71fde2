/**
 * The `code` of an error. Not by its class: in another realm, such as Jest's, an error of the file system is no `Error` of ours.
 */
export const codeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "code" in error ? error.code : undefined;

export const isCode = (error: unknown, code: string): boolean => codeOf(error) === code;
