import type { Command } from "commander";
import { environmentOfProcess, findProjectRoot, type Settings, settingsFromProcess } from "../../config.js";
import { type App, type Note, warningNote } from "../../service/context.js";
import { shellLine } from "../../text/shell-line.js";
import { oneLine } from "../../text/visible-text.js";
import type { Clock } from "../../time/clock.js";
import { pause, systemClock } from "../../wiring/system-clock.js";
import { expandUrl } from "../lookup/connection-here.js";
import { placeWords, programName } from "../output/command-line.js";
import { noteLogText, noteText } from "../output/note.js";
import type { Cli, GlobalFlags, ProgressWish } from "./context.js";
import { handleInterrupts, type Interrupts } from "./interrupts.js";
import { declareAll } from "./program.js";
import type { Terminal } from "./terminal.js";

/** As commander hands over the global options. */
interface RawGlobals {
  readonly json?: true;
  readonly quiet?: true;
  readonly verbose?: true;
  readonly progress: ProgressWish;
  readonly state?: string;
  readonly ledger?: string;
  readonly queue?: string;
  readonly target?: string;
  /** `false` with `--no-hooks`, which some commands take. */
  readonly hooks?: boolean;
}

/** The context that a command runs in; `close` ends what it opened. */
export function openCli(
  command: Command,
  terminal: Terminal,
): { readonly cli: Cli; readonly close: () => Promise<void> } {
  const flags = command.optsWithGlobals<RawGlobals>();
  const urls = { cwd: process.cwd(), environment: environmentOfProcess(), secrets: terminal.secrets };
  const ofProcess = settingsFromProcess({
    ...(flags.state === undefined ? {} : { stateDir: flags.state }),
    ...(flags.ledger === undefined ? {} : { ledger: expandUrl(flags.ledger, urls) }),
    ...(flags.queue === undefined ? {} : { queue: expandUrl(flags.queue, urls) }),
  });
  const settings = { ...ofProcess, hooks: ofProcess.hooks && flags.hooks !== false };
  const note = (said: Note): void =>
    terminal.err.line(
      terminal.isLog ? noteLogText(said, systemClock.now()) : noteText(said, terminal.err.paint),
    );
  const interrupts = handleInterrupts({
    onStopping: (how) =>
      note({ level: "info", message: "stopping", text: `${how}; interrupt again to stop now` }),
    beforeExit: () => terminal.screen.clear(),
  });
  const apps = new Set<Promise<App>>();
  const open = async (settings: Settings, clock: Clock = systemClock): Promise<App> => {
    const { createApp } = await import("../../app.js");
    const onWarning = (text: string): void => note(warningNote(text));
    return createApp(settings, { secrets: terminal.secrets, onWarning, clock });
  };
  /** Closed with the process. */
  const openOwn = (settings: Settings): Promise<App> => {
    const app = open(settings);
    apps.add(app);
    return app;
  };
  const program = [
    programName(process.argv[1] ?? "nightshift", settings.environment),
    shellLine(...placeWords(flags.state, flags.ledger)),
  ];
  const cli = cliIn(process.cwd(), settings, {
    ...{ terminal, interrupts, note, globals: globalsOf(flags), target: flags.target ?? null, open, openOwn },
    program: program.join(" ").trimEnd(),
  });
  const root = findProjectRoot(cli.cwd);
  if (cli.globals.verbose && !cli.globals.json && root !== null && root !== cli.cwd)
    terminal.err.line(terminal.err.paint.dim(`project ${oneLine(root)}`));
  const close = async () => {
    for (const app of apps) await (await app).close();
  };
  return { cli, close };
}

interface Shared {
  readonly terminal: Terminal;
  readonly interrupts: Interrupts;
  readonly note: (note: Note) => void;
  readonly globals: GlobalFlags;
  readonly target: string | null;
  readonly program: string;
  readonly open: (settings: Settings, clock?: Clock) => Promise<App>;
  readonly openOwn: (settings: Settings) => Promise<App>;
}

function cliIn(cwd: string, settings: Settings, shared: Shared): Cli {
  const { terminal, interrupts, note, globals, target, open, openOwn } = shared;
  let app: Promise<App> | null = null;
  return {
    cwd,
    settings,
    globals,
    target,
    clock: systemClock,
    pause,
    openApp: open,
    program: shared.program,
    out: terminal.out,
    err: terminal.err,
    screen: terminal.screen,
    secrets: terminal.secrets,
    canAnimate: terminal.canAnimate,
    allCommands: declareAll,
    app() {
      app ??= openOwn(settings);
      return app;
    },
    withState: (stateDir) => cliIn(cwd, { ...settings, stateDir, ledger: null, queue: null }, shared),
    stopGracefully(how = "finishing the current chunk") {
      terminal.goOnWithoutReader = true;
      return interrupts.stopGracefully(how);
    },
    note,
    logging() {
      terminal.isLog = true;
    },
    isLogging: () => terminal.isLog,
    interruptedBy: () => interrupts.receivedSignal(),
  };
}

function globalsOf({ json, quiet, verbose, progress, state }: RawGlobals): GlobalFlags {
  return {
    json: json === true,
    quiet: quiet === true,
    verbose: verbose === true,
    progress,
    state: state ?? null,
  };
}
