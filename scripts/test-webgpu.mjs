// npm run test:webgpu
// Runs test/webgpu on a real WebGPU device: the one behind VK_ICD_FILENAMES where that is set, else SwiftShader, Vulkan on
// the CPU, from an installed Chromium or unpacked from Debian's package into .cache/swiftshader. Installs nothing.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { debianPackages } from "./debian-packages.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = join(root, ".cache/swiftshader");
const manifest = "vk_swiftshader_icd.json";
const wanted = [manifest, "libvk_swiftshader.so", "libvulkan.so.1"];
const installed = [
  "/usr/lib/chromium",
  "/usr/lib/chromium-browser",
  "/opt/google/chrome",
  "/usr/share/vulkan/icd.d",
];

const device = deviceFromEnvironment() ?? installedDevice() ?? unpackedDevice();
if (device === null) {
  console.error(
    "WebGPU was not tested: set VK_ICD_FILENAMES to a Vulkan driver's JSON file, or install Debian's chromium and libvulkan1.",
  );
  console.log("0 passed, 1 failed");
  process.exit(1);
}
console.log(`WebGPU through ${device.icd}`);
const { status } = spawnSync(
  process.execPath,
  ["node_modules/vitest/vitest.mjs", "run", "--config", "test/webgpu/vitest.config.ts"],
  {
    cwd: root,
    stdio: "inherit",
    env: {
      // The loader warns of a missing one.
      XDG_RUNTIME_DIR: tmpdir(),
      ...process.env,
      VK_ICD_FILENAMES: device.icd,
      LD_LIBRARY_PATH: [device.libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
    },
  },
);
process.exitCode = status ?? 1;

/** `libraries`: a folder with the Vulkan loader, where it is not the system's. */
function deviceFromEnvironment() {
  const icd = process.env.VK_ICD_FILENAMES;
  return icd ? { icd, libraries: null } : null;
}

function installedDevice() {
  for (const folder of installed) {
    const icd = join(folder, manifest);
    if (existsSync(icd))
      return { icd, libraries: existsSync(join(folder, "libvulkan.so.1")) ? folder : null };
  }
  return null;
}

/** Newer packages of Chromium have SwiftShader and the loader in chromium-common, older ones in chromium. */
function unpackedDevice() {
  if (process.platform !== "linux") return null;
  const isComplete = () => wanted.every((file) => existsSync(join(cache, file)));
  if (!isComplete()) {
    rmSync(cache, { recursive: true, force: true });
    const work = join(cache, "work");
    const unpacked = join(work, "unpacked");
    mkdirSync(work, { recursive: true });
    const unpack = debianPackages(work);
    for (const name of ["chromium-common", "chromium", "libvulkan1"])
      if (!isComplete() && unpack(name, unpacked)) takeWanted(unpacked);
    rmSync(work, { recursive: true, force: true });
  }
  return isComplete() ? { icd: join(cache, manifest), libraries: cache } : null;
}

function takeWanted(unpacked) {
  for (const file of wanted) {
    const found = findBelow(unpacked, file);
    if (found !== null) cpSync(found, join(cache, file), { dereference: true });
  }
}

function findBelow(folder, name) {
  const found = readdirSync(folder, { recursive: true }).find(
    (file) => file === name || file.endsWith(`/${name}`),
  );
  return found === undefined ? null : join(folder, found);
}
