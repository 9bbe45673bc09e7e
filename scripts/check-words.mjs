// A check of check:static. Counts phrases of our own dialect in comments, texts and documents, and private words that
// standard terms have replaced. It fails above the limit. --list prints every place with the standard wording.
//
// The limit is the present count and only goes down: lower it in the commit that removes places. A sentence without
// these words can still be obscure. A good use may stay: put `plain-words: ok` on its line.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const limit = 156;

/** Each line: a pattern, and the wording that replaces it. At most one place a pattern and a line is counted. */
const glossary = [
  [
    /\b(whoever|whomever|somebody|nobody|anybody)\b/i,
    "name the actor: user, caller, coordinator, worker, reader",
  ],
  [/\bwhom\b|\bwhose turn\b/i, "name the actor"],
  [/\bwhatever\b(?! the)/i, "say what it is"],
  [
    /\b(is|are|was|were|be|been) told\b|\btold (of|by|about|people)\b/i,
    "reports, logs, is notified, receives",
  ],
  [/\btells? (of|people)\b|\bhears? of\b|\bheard of\b/i, "reports, logs, is notified, receives"],
  [/\b(of|by) its own accord\b|\bfor ever\b|\bno longer than needed be\b/i, "say it plainly"],
  [/\bwhere (there is|there are) none\b|\bof which one half\b/i, "if there is no X"],
  [/\bgo(es|ne)? on with\b/i, "resumes, continues"],
  [/\bcomes? to (a|an|its) (run|end)\b|\bcame to nothing\b/i, "say what happens"],
  [/\bis no (reason|command|mistake|row|column)\b/i, "is not a ..."],
  [/\bunder way\b/i, "running, in progress"],
  [/\b(the|its|their) likes?\b|\bas much as is\b/i, "say it plainly"],
  [/\bsees? (it|them|to it|that run) (through|off)\b|\bsaw to\b/i, "finishes, closes, handles"],
  [/\bmakes? way\b|\bmakeWay\b/i, "preempts, yields"],
  [/\bnot had\b|\b(to|could|can) be had\b/i, "is available"],
  [/\bso many\b|\bso much\b(?! (as|faster|slower|more))/i, "give the name of the number"],
  [
    /\bdo(es)? partitions\b|\bpartitions? (is|are) done\b|\bdoes one partition\b/i,
    "processes, scores partitions",
  ],
  [/\bgive[sn]? back\b|\bhands? back\b|\bgave up for good\b/i, "returns, releases, abandons"],
  [/\ball that\b|\bany that\b/i, "everything that, the X that"],
  [/\bperhaps\b|\bupon\b|\bwherein\b|\bthereof\b/i, "maybe, on, in which"],
  [/\bheed(s|ed)?\b|\bunasked\b|\bstraight away\b/i, "respected, without being asked, immediately"],
  [/\bshel(f|ves)\b|(?<=[a-z])Shelf\b/i, "blob store"],
  [/\bkeepers?\b/i, "input snapshot"],
  [/\bstanding\b/i, "status"],
  [/\boutlook\b/i, "preflight"],
  [/\bgently\b/i, "gracefully"],
];

const self = "scripts/check-words.mjs";
const root = fileURLToPath(new URL("..", import.meta.url));
const tracked = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
});
const read = tracked
  .split("\n")
  .filter((path) => /\.(ts|mjs|md|ya?ml|py|sh)$/.test(path) && path !== self)
  // Generated from texts that are counted where they stand.
  .filter((path) => !path.startsWith("fixtures/") && !path.startsWith("docs/reference/"))
  .filter((path) => !path.endsWith("_pb.ts"));

const places = [];
for (const path of read) {
  for (const [index, line] of linesOf(path).entries()) {
    if (line.includes("plain-words: ok")) continue;
    for (const [pattern, wording] of glossary) {
      const found = pattern.exec(line)?.[0];
      if (found !== undefined) places.push({ path, line: index + 1, found, wording, text: line.trim() });
    }
  }
}

if (process.argv.includes("--list")) {
  for (const { path, line, found, wording, text } of places)
    console.log(`${path}:${line}: "${found}" (${wording}): ${text.slice(0, 110)}`);
}
for (const [folder, count] of countedByFolder()) console.log(`${String(count).padStart(6)} ${folder}`);
console.log(`${places.length} places, limit ${limit}`);
if (read.length === 0) throw new Error("no file was read: run this inside the git repository of Nightshift");
if (places.length > limit) {
  console.log("Write these plainly (see `node scripts/check-words.mjs --list`), or mark a good use.");
  process.exitCode = 1;
}

/** A tracked file that is deleted in the working tree has no lines. */
function linesOf(path) {
  try {
    return readFileSync(`${root}${path}`, "utf8").split("\n");
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

/** The number of places by top folder, largest first. */
function countedByFolder() {
  const counts = new Map();
  for (const { path } of places) {
    const [folder] = path.split("/");
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}
