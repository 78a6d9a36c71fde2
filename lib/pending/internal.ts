/** What other rooms need beyond the public face. */

export { type Checked, checkAnswer, sendAnswer } from "./answer.js";
export { grantOf } from "./identity.js";
export { accessToken } from "./kinds/http.js";
export { actors } from "./kinds/kind.js";
export { lifetime } from "./kinds/shapes.js";
export { kindNames } from "./kinds/table.js";
export { createAsked, isOvertaken, pendingTools } from "./session/asked.js";
export type { Attacher } from "./session/attach.js";
export { hasResumed } from "./session/resume.js";
export { tracedRequest } from "./traced.js";
export { openUrl } from "./url.js";
