/** A name in a block of a spec that a hint shows: quoted where YAML would read something else; placeholders stay as they are. */
export function yamlWord(text: string): string {
  const isPlain =
    /^[A-Za-z_][\w.-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n|\.nan|\.inf)$/i.test(text);
  return isPlain || placeholders.has(text) ? text : JSON.stringify(text);
}

const placeholders = new Set(["…", "<column>"]);
