import { chaosSuite } from "../support/chaos/suite.js";
import { bundled } from "../support/world.js";

chaosSuite(bundled);
