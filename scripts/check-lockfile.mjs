// Every package of package-lock.json is pinned by its SHA-512, also those that only other platforms install, and comes from
// the public registry: npm leaves `integrity` out where it wrote the file from an installed tree.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const lock = JSON.parse(
  readFileSync(fileURLToPath(new URL("../package-lock.json", import.meta.url)), "utf8"),
);
const registry = "https://registry.npmjs.org/";
const packages = Object.entries(lock.packages).filter(([path]) => path !== "");

const faults = packages.flatMap(([path, { version, integrity = "", resolved, link }]) => {
  const place = `package-lock.json: ${path} ${version}`;
  if (link) return [`${place} is a link to a folder`];
  return [
    ...(/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity)
      ? []
      : [`${place} has no SHA-512: add what \`npm view <name>@${version} dist.integrity\` prints`]),
    ...(resolved === undefined || resolved.startsWith(registry)
      ? []
      : [`${place} comes from ${resolved}, not from ${registry}: remove \`resolved\``]),
  ];
});
if (packages.length === 0) faults.push("package-lock.json names no package");
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
