/** Every schedule of several actors on one publication log: the model checker of the protocol's tests. */
import { begin, type Deciding, withAnswer, withHead } from "../../src/sinks/publication-log/deciding.js";
import type { Intent } from "../../src/sinks/publication-log/next-entry.js";
import type { LogEntry } from "../../src/sinks/publication-log/publication-log.js";

export interface Actor {
  readonly name: string;
  readonly intent: Intent;
  /** Answers to its puts that may get lost, whether or not the put arrived. */
  readonly losses: number;
}

export interface ActorState extends Actor {
  readonly at: Deciding;
}

export interface World {
  /** What was put, by number. */
  readonly log: readonly LogEntry[];
  readonly actors: readonly ActorState[];
}

export interface Explored {
  readonly schedules: bigint;
  readonly states: number;
  readonly endings: readonly World[];
}

/**
 * Walks depth first through every order of every actor's steps and every fate of every put. Worlds that look alike are
 * walked once and counted as often as schedules lead through them. `inspect` sees every world: a crash is an actor
 * that takes no further step, so what holds in every world holds after every crash.
 */
export function explore(
  log: readonly LogEntry[],
  actors: readonly Actor[],
  inspect: (world: World) => void,
  decide: typeof withHead = withHead,
): Explored {
  const seen = new Map<string, bigint>();
  const endings: World[] = [];
  const walk = (world: World): bigint => {
    const key = JSON.stringify([world.log, world.actors.map((actor) => [actor.at, actor.losses])]);
    const known = seen.get(key);
    if (known !== undefined) return known;
    inspect(world);
    const next = successors(world, decide);
    if (next.length === 0) endings.push(world);
    const schedules = next.length === 0 ? 1n : next.map(walk).reduce((sum, count) => sum + count, 0n);
    seen.set(key, schedules);
    return schedules;
  };
  const start = { log, actors: actors.map((actor) => ({ ...actor, at: begin(actor.intent) })) };
  return { schedules: walk(start), states: seen.size, endings };
}

function successors(world: World, decide: typeof withHead): readonly World[] {
  return world.actors.flatMap((actor, index) =>
    moves(world.log, actor, decide).map(([log, moved]) => ({
      log,
      actors: world.actors.map((other, at) => (at === index ? moved : other)),
    })),
  );
}

type Move = readonly [log: readonly LogEntry[], actor: ActorState];

function moves(log: readonly LogEntry[], actor: ActorState, decide: typeof withHead): readonly Move[] {
  const { at } = actor;
  if (at.step === "read-head") {
    return [[log, { ...actor, at: decide(at.intent, log.at(-1) ?? null) }]];
  }
  if (at.step !== "put") return [];
  const free = log.length < at.entry.seq;
  const after = free ? [...log, at.entry] : log;
  const told: Move = [after, { ...actor, at: withAnswer(at, free ? "put" : "taken") }];
  if (actor.losses === 0) return [told];
  const unsure = { ...actor, losses: actor.losses - 1, at: withAnswer(at, "unknown") };
  return free ? [told, [after, unsure], [log, unsure]] : [told, [log, unsure]];
}
