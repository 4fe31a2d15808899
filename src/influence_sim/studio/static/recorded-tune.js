// A file for a class: this lesson, recorded.
import { TuneScreen } from "./tune.js";
import { playRecorded } from "./recorded.js";

playRecorded(TuneScreen);
