// A file for a class: this lesson, recorded.
import { TrustScreen } from "./trust.js";
import { playRecorded } from "./recorded.js";

playRecorded(TrustScreen);
