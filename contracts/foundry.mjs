// Where npm put the real forge of this platform. The package's own launcher needs a lifecycle script, which we do not
// run.
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(fileURLToPath(import.meta.url));

/** @returns {string} the path of the forge binary; ends the process with what to do if there is none */
export function forge() {
  const scope = join(root, "node_modules", "@foundry-rs");
  const name = process.platform === "win32" ? "forge.exe" : "forge";
  for (const entry of existsSync(scope) ? readdirSync(scope) : []) {
    const binary = join(scope, entry, "bin", name);
    if (entry.startsWith("forge-") && existsSync(binary)) return binary;
  }
  console.error(`no forge for ${process.platform} ${process.arch} in ${scope}: run 'npm ci' in contracts/`);
  process.exit(1);
}
