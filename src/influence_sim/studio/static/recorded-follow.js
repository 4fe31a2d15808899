// A file for a class: this lesson, recorded.
import { FollowScreen } from "./follow.js";
import { playRecorded } from "./recorded.js";

playRecorded(FollowScreen);
