import { chaosSuite } from "../support/chaos/suite.js";
import { cli } from "../support/world.js";

chaosSuite(cli);
