/** Samples of Prometheus' text format, by name and labels. */
export interface Exposed {
  readonly families: readonly string[];
  /** As written: `nightshift_runs_total{job="a",status="failed"}`. */
  readonly samples: ReadonlyMap<string, number>;
  /** Value of the one sample of this name with these labels and any others. */
  value(name: string, labels?: { readonly [label: string]: string }): number | undefined;
}

export function readExposition(body: string): Exposed {
  const lines = body.split("\n").filter((line) => line !== "");
  const families = lines.flatMap((line) => /^# TYPE (\S+) /.exec(line)?.[1] ?? []);
  const samples = new Map(
    lines
      .filter((line) => !line.startsWith("#"))
      .map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at), Number(line.slice(at + 1))] as const;
      }),
  );
  return {
    families,
    samples,
    value(name, labels = {}) {
      const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
      const found = [...samples].filter(
        ([sample]) => (sample.split("{")[0] ?? "") === name && wanted.every((each) => sample.includes(each)),
      );
      if (found.length > 1) throw new Error(`${found.length} samples of ${name}`);
      return found[0]?.[1];
    },
  };
}
