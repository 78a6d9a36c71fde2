/** What the other rooms of latchkey need of this one, and its users do not. */
export { allEntries } from "./all-entries.js";
export { outlook } from "./engine/outlook.js";
export { ages, countOpen, type OpenEntries } from "./open-entries.js";
export { readKeyFile } from "./seal/key-file.js";
export { parseKeys, splitKeys } from "./seal/keys.js";
export { tracedEntry } from "./traced.js";
