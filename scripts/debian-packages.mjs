/**
 * Files of Debian packages, for tests: fetched by apt with folders of its own, and unpacked into a folder. Nothing of the
 * system changes, and no step needs root.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @param {string} folder where apt works; it and all there is in it may be removed afterwards
 * @returns fetches one package and unpacks it into `to`; false, and a line on stderr, where that failed
 */
export function debianPackages(folder) {
  const apt = join(folder, "apt");
  const settings = join(folder, "apt.conf");

  /** @param {string} command @param {string[]} args */
  function run(command, args) {
    const { error, status } = spawnSync(command, args, {
      cwd: folder,
      stdio: ["ignore", "inherit", "inherit"],
    });
    if (error === undefined && status === 0) return true;
    console.error(`${command} failed${error === undefined ? "" : `: ${error.message}`}`);
    return false;
  }

  function prepare() {
    for (const each of ["state/lists/partial", "cache/archives/partial"])
      mkdirSync(join(apt, each), { recursive: true });
    // Images of containers tidy the system's own folders after an update.
    writeFileSync(
      settings,
      `Dir::State "${apt}/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "${apt}/cache";
APT::Sandbox::User "root";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`,
    );
    return run("apt-get", ["-qq", "-c", settings, "update"]);
  }

  /** @param {string} name @param {string} to */
  return function unpack(name, to) {
    if (!existsSync(apt) && !prepare()) return false;
    if (!run("apt-get", ["-qq", "-c", settings, "download", name])) return false;
    const archive = readdirSync(folder).find((file) => file.startsWith(`${name}_`) && file.endsWith(".deb"));
    if (archive === undefined) return false;
    const isUnpacked = run("dpkg-deb", ["-x", archive, to]);
    rmSync(join(folder, archive));
    return isUnpacked;
  };
}
