#!/usr/bin/env node
/** The command line. Nothing is imported before it is needed: version and help answer without a parser. */
const argv = process.argv.slice(2);
const [first = "--help"] = argv;

if (argv.length < 2 && ["--version", "-V"].includes(first)) {
  const { packageVersion } = await import("./wiring/packaged.js");
  process.stdout.write(`${packageVersion()}\n`);
} else if (argv.length < 2 && ["--help", "-h", "help"].includes(first)) {
  const { helpWidth, rootHelp } = await import("./cli/shell/root-help.js");
  const { fitHelp } = await import("./cli/output/fit.js");
  process.stdout.write(fitHelp(rootHelp(), helpWidth()));
} else {
  // Registers the adapters, which answer for jobs, before the first job is read.
  await import("./registry.js");
  const { main } = await import("./cli/shell/main.js");
  await main(argv);
}
