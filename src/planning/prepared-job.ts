/** What planning works with: implementations behind contracts, and a job as it becomes known step by step. */

import type { PathTypes, Schema } from "../data/column.js";
import type { HookRuntime } from "../hooks/hook.js";
import type { NoteRow } from "../host/host.js";
import type { Job } from "../job/job.js";
import type { Asset, ModelProbe, PlannedHook } from "../job/plan.js";
import type { Profile } from "../job/profile.js";
import type { FileParts } from "../mapping/files/load-files.js";
import type { MappingFiles } from "../mapping/files/mapping-files.js";
import type { Mapping } from "../mapping/mapping.js";
import type { MappingOptions } from "../mapping/resolve-mapping.js";
import type { InspectedModel, ModelRuntime } from "../runtimes/model.js";
import type { LoadedHooks } from "../scoring/hooks/hook-steps.js";
import type { Source, TableDetector } from "../sources/source.js";
import type { Clock } from "../time/clock.js";

export interface PlannerParts extends FileParts {
  readonly source: Source;
  readonly runtime: ModelRuntime;
  readonly hooks: HookRuntime;
  readonly clock: Clock;
  readonly tables: TableDetector;
  /** Opens a file beside the job's own input: the rows of a check. @param path absolute */
  readonly openFile: (path: string) => Promise<Source>;
  /** Notes the row that a model is tried on, for the case that the host dies of it. */
  readonly noteRow: NoteRow;
}

/** A job put together with what its model and its input look like. */
export interface PreparedJob {
  readonly job: Job;
  readonly model: InspectedModel;
  /** The model's files, then those of the mapping, then hooks. */
  readonly assets: readonly Asset[];
  readonly loaded: LoadedHooks;
  /** The `pre` hook, where there is one. */
  readonly hooks: readonly PlannedHook[];
  readonly profile: Profile;
  /** Which provider runs, where it is not the one that was preferred; which outputs are left out. */
  readonly notes: readonly string[];
  readonly files: MappingFiles;
  /** Of the input, without what a hook adds. */
  readonly schema: Schema;
  /** Types that features ask of columns in paths. */
  readonly pathTypes: PathTypes;
  readonly mappingOptions: MappingOptions;
  /** Not settled where sizes are left open: see `settle` of the planner. */
  readonly mapping: Mapping;
}

/** A mapping that rows can be scored by, all hooks, and what trying the model showed. */
export interface SettledJob {
  readonly mapping: Mapping;
  readonly hooks: readonly PlannedHook[];
  readonly profile: Profile;
  readonly probe: ModelProbe | null;
}
