// A file for a class: this lesson, recorded.
import { ParallelScreen } from "./parallel.js";
import { playRecorded } from "./recorded.js";

playRecorded(ParallelScreen);
