export function debianPackages(folder: string): (name: string, to: string) => boolean;
