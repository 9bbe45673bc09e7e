/** Environment -> typed settings, read once, here only. */
export interface Settings {
  /** Absolute; where the journal lives. */
  readonly stateDir: string;
  /** Outputs outside it are refused; `null`: anywhere. */
  readonly outputRoot: string | null;
  /** Cores this process may use. */
  readonly cores: number;
  /** Memory that decoding may take over all threads. */
  readonly memoryBytes: number;
  /** For `${VAR}` in specs. */
  readonly environment: { readonly [name: string]: string | undefined };
}
