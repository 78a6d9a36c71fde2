import { runConformance } from "../support/oauth/conformance.js";

await runConformance(2, 3);
