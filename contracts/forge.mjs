// Runs forge with the arguments given: node forge.mjs test --match-contract Brake
import { spawnSync } from "node:child_process";
import { forge, root } from "./foundry.mjs";

const run = spawnSync(forge(), process.argv.slice(2), { cwd: root, stdio: "inherit" });
if (run.error) console.error(run.error.message);
process.exit(run.status ?? 1);
