/** What the other rooms of latchkey need of this one, and its users do not. */
export { outlook } from "./engine/outlook.js";
export { keyFile } from "./seal/key-file.js";
