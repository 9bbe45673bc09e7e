export function findPip(): { readonly words: readonly string[] } | { readonly missing: string };
export function installPythonPackages(folder: string, requirements: readonly string[]): string | null;
