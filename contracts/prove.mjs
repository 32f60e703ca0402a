// Runs halmos over test/symbolic, with bitwuzla as its solver. halmos is taken from HALMOS or from the PATH; both come
// from requirements.txt in a virtual environment outside the tree. Arguments go on to halmos: npm run prove -- --contract GateProof
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { forge, root } from "./foundry.mjs";

const OUT = "cache/prove/out";

const halmos = process.env.HALMOS ?? onPath("halmos");
if (!halmos || !existsSync(halmos)) {
  console.error("no halmos: install contracts/requirements.txt into a virtual environment and set HALMOS to its halmos");
  process.exit(1);
}
// The interpreter that halmos is installed for has the solver too.
const python = readFileSync(halmos, "utf8").split("\n", 1)[0].replace(/^#!/, "").trim();

rmSync(join(root, OUT), { recursive: true, force: true });
const settings = ["--root", root, "--forge-build-out", OUT, "--no-status", "--statistics"];
// No loop in our code has more rounds than an envelope has slots.
const bounds = ["--loop", "33", "--solver-timeout-assertion", "300s"];
const solver = ["--solver-command", `${python} ${join(root, "test/symbolic/solve.py")}`];
const run = spawnSync(halmos, [...settings, ...bounds, ...solver, ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: {
    ...process.env,
    FOUNDRY_PROFILE: "prove",
    PATH: [dirname(forge()), dirname(halmos), process.env.PATH].join(delimiter),
  },
});
if (run.error) console.error(run.error.message);
process.exit(run.status ?? 1);

function onPath(name) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
