/** Opens Nightshift for a program. */
import { resolve } from "node:path";
import { createApp } from "../app.js";
import { environmentOfProcess, readSettings, type Settings } from "../config.js";
import { type App, type Note, type ServiceContext, warningNote } from "../service/context.js";
import { createSecrets } from "../spec/secrets.js";
import type { Clock } from "../time/clock.js";
import { pause, systemClock } from "../wiring/system-clock.js";
import { Nightshift } from "./nightshift.js";
import { once } from "./ongoing.js";
import type { OpenOptions } from "./options.js";

/**
 * Opens Nightshift for a project. The ledger and the worker hosts are opened when they are first needed.
 *
 * @throws NightshiftError `usage.environment`, `usage.ledger`, `usage.queue`
 */
export async function openNightshift(options: OpenOptions = {}): Promise<Nightshift> {
  const {
    project = process.cwd(),
    stateDir,
    ledger,
    queue,
    target = null,
    onNote = () => undefined,
  } = options;
  const cwd = resolve(project);
  const settings = readSettings({
    cwd,
    environment: environmentOfProcess(),
    ...(stateDir === undefined ? {} : { stateDir }),
    ...(ledger === undefined ? {} : { ledger }),
    ...(queue === undefined ? {} : { queue }),
  });
  const secrets = createSecrets();
  const note = (said: Note): void => onNote({ ...said, text: secrets.mask(said.text) });
  const open = async (own: Settings, clock: Clock = systemClock): Promise<App> =>
    createApp(own, { secrets, clock, onWarning: (text) => note(warningNote(text)) });
  const app = once(() => open(settings));
  const context: ServiceContext = {
    cwd,
    target,
    settings,
    clock: systemClock,
    secrets,
    app,
    openApp: open,
    note,
    pause,
  };
  return new Nightshift(context, options.maxParallel ?? 1);
}
