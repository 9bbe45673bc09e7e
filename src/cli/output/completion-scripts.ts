/** Completion scripts: commands, flags, a flag's choices, job names, and files for everything else. */

interface CompletionFlag {
  readonly names: readonly string[];
  readonly takesValue: boolean;
  readonly choices: readonly string[];
  readonly summary: string;
}

export interface CompletionCommand {
  readonly name: string;
  readonly summary: string;
  /** Its first argument may be a job's name. */
  readonly takesJob: boolean;
  /** Fixed words that its first argument may be. */
  readonly words: readonly string[];
  readonly flags: readonly CompletionFlag[];
}

const jobNames = "nightshift completion bash --job-names 2>/dev/null";

export function bashScript(commands: readonly CompletionCommand[]): string {
  const cases = commands.map(
    (command) => `    ${command.name})
      flags="${command.flags.flatMap((flag) => flag.names).join(" ")}"
      words="${command.words.join(" ")}"${command.takesJob ? "\n      takes_job=1" : ""} ;;`,
  );
  return `# nightshift completion for bash
_nightshift() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" flags="" words="" takes_job=""
  local word line
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
      ${commands.map((command) => command.name).join("|")}) command="$word"; break ;;
    esac
  done
  case "$previous" in
${choiceCases(commands)}
  esac
  case "$command" in
    "") words="${commands.map((command) => command.name).join(" ")}"; flags="--help --version" ;;
${cases.join("\n")}
  esac
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags --help" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    # Names of jobs and files are data: compgen -W would run what they hold between backquotes.
    if [[ -n "$takes_job" ]]; then
      while IFS= read -r line; do
        [[ "$line" == "$current"* ]] && COMPREPLY+=("$line")
      done < <(${jobNames})
    fi
    if [[ -n "$command" ]]; then
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
    fi
  fi
}
complete -o filenames -o bashdefault -F _nightshift nightshift
`;
}

function choiceCases(commands: readonly CompletionCommand[]): string {
  const withChoices = new Map(
    commands
      .flatMap((command) => command.flags)
      .filter((flag) => flag.choices.length > 0)
      .map((flag) => [flag.names.join("|"), flag.choices.join(" ")]),
  );
  return [...withChoices]
    .map(
      ([names, choices]) => `    ${names}) COMPREPLY=($(compgen -W "${choices}" -- "$current")); return ;;`,
    )
    .join("\n");
}

export function zshScript(commands: readonly CompletionCommand[]): string {
  const described = commands
    .map((command) => `    ${quoted(`${command.name}:${command.summary}`)}`)
    .join("\n");
  const cases = commands.map((command) => {
    const specs = command.flags.flatMap(zshFlag).map((spec) => `      ${spec}`);
    const values = [command.words.join(" "), command.takesJob ? `\${(f)"$(${jobNames})"}` : ""].filter(
      Boolean,
    );
    const first = values.length === 0 ? "" : `compadd -- ${values.join(" ")}; `;
    return `    ${command.name})
      _arguments -s \\
${specs.map((spec) => `${spec} \\`).join("\n")}
        '*:: :{ ${first.replaceAll("'", "'\\''")}_files }' ;;`;
  });
  return `#compdef nightshift
# nightshift completion for zsh
_nightshift() {
  local -a commands
  commands=(
${described}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join("\n")}
  esac
}
compdef _nightshift nightshift
`;
}

function zshFlag(flag: CompletionFlag): readonly string[] {
  const summary = flag.summary.replace(/[[\]:]/g, "\\$&");
  const value = flag.takesValue
    ? flag.choices.length > 0
      ? `:value:(${flag.choices.join(" ")})`
      : ":value:_files"
    : "";
  return flag.names.map((name) => quoted(`${name}[${summary}]${value}`));
}

export function fishScript(commands: readonly CompletionCommand[]): string {
  const lines = ["# nightshift completion for fish", "complete -c nightshift -f"];
  for (const command of commands) {
    const seen = `__fish_seen_subcommand_from ${command.name}`;
    lines.push(
      `complete -c nightshift -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.summary)}`,
    );
    lines.push(`complete -c nightshift -n ${quoted(seen)} -F`);
    if (command.words.length > 0)
      lines.push(`complete -c nightshift -n ${quoted(seen)} -a ${quoted(command.words.join(" "))}`);
    if (command.takesJob)
      lines.push(`complete -c nightshift -n ${quoted(seen)} -a ${quoted(`(${jobNames})`)}`);
    for (const flag of command.flags) lines.push(fishFlag(seen, flag));
  }
  return `${lines.join("\n")}\n`;
}

function fishFlag(seen: string, flag: CompletionFlag): string {
  const names = flag.names.map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  // `-x` is a value that is no file.
  const value = flag.choices.length > 0 ? " -x" : flag.takesValue ? " -r" : "";
  const choices = flag.choices.length > 0 ? ` -a ${quoted(flag.choices.join(" "))}` : "";
  return `complete -c nightshift -n ${quoted(seen)} ${names.join(" ")}${value}${choices} -d ${quoted(flag.summary)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
