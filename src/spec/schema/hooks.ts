import { text } from "./scalars.js";

/** Functions of the job's author, in TypeScript or JavaScript. */
export const hooks = {
  pre: text.meta({
    description:
      "Module whose default export adds columns to a chunk before it is bound to the model, relative to the spec. Bundled and pinned when a run is planned.",
    examples: ["./pre.ts"],
  }),
  post: text.meta({
    description:
      "Module whose default export adds columns to a scored chunk, or drops rows of it, relative to the spec. Bundled and pinned when a run is planned.",
    examples: ["./post.ts"],
  }),
};
