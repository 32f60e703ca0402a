// Proves test/symbolic with halmos and bitwuzla, as many contracts at a time as there are cores, and exits 1 if a
// single check is not proved. halmos is taken from HALMOS or from the PATH; it and its solver come from
// requirements.txt, in a virtual environment outside the tree.
//   node prove.mjs [--contract NAME] [--function PREFIX]
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { forge, root } from "./foundry.mjs";

const OUT = "cache/prove/out";
const PROOFS = /^contract (\w+Proof)\b/gm;

const { values: only } = parseArgs({ options: { contract: { type: "string" }, function: { type: "string" } } });
const halmos = process.env.HALMOS ?? onPath("halmos");
if (!halmos || !existsSync(halmos)) {
  console.error("no halmos: install contracts/requirements.txt into a virtual environment and set HALMOS to its halmos");
  process.exit(1);
}
// The interpreter that halmos is installed for has the solver too.
const python = readFileSync(halmos, "utf8").split("\n", 1)[0].replace(/^#!/, "").trim();
const scratch = mkdtempSync(join(tmpdir(), "quaestor-proofs-"));
// halmos begins by calling forge to build. We have built by then, and two builds at a time would spoil the cache.
writeFileSync(join(scratch, "forge"), "#!/bin/sh\n", { mode: 0o755 });
const env = {
  ...process.env,
  FOUNDRY_PROFILE: "prove",
  PATH: [scratch, process.env.PATH].join(delimiter),
  TMPDIR: scratch, // where halmos leaves its queries
};

let failed = false;
const running = new Set();
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    for (const run of running) run.kill();
    rmSync(scratch, { recursive: true, force: true });
    process.exit(1);
  });
}
try {
  build();
  const waiting = contracts();
  const started = Date.now();
  await Promise.all(cpus().map(async () => {
    for (let name = waiting.shift(); name; name = waiting.shift()) await prove(name);
  }));
  console.log(`${failed ? "NOT PROVED" : "proved"} in ${Math.round((Date.now() - started) / 1000)} s`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

/** As halmos would build. */
function build() {
  rmSync(join(root, OUT), { recursive: true, force: true });
  const run = spawnSync(forge(), ["build", "--ast", "--root", root, "--extra-output", "storageLayout", "metadata"], {
    cwd: root,
    env,
    stdio: "inherit",
  });
  if (run.status !== 0) throw new Error("forge build failed");
}

/** The registry's first, and in their file the longest first. */
function contracts() {
  const folder = join(root, "test", "symbolic");
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(".t.sol"))
    .sort()
    .reverse()
    .flatMap((file) => [...readFileSync(join(folder, file), "utf8").matchAll(PROOFS)].map((match) => match[1]));
  return names.filter((name) => !only.contract || name === only.contract);
}

function prove(contract) {
  const args = ["--root", root, "--forge-build-out", OUT, "--contract", contract, "--no-status"];
  if (only.function) args.push("--function", only.function);
  // No loop of ours has more rounds than an envelope has slots.
  args.push("--loop", "33", "--solver-timeout-assertion", "300s", "--solver-threads", "1");
  args.push("--solver-command", `${python} ${join(root, "test/symbolic/solve.py")}`);
  return new Promise((done) => {
    const run = spawn(halmos, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    running.add(run);
    const lines = [];
    run.stdout.on("data", (data) => lines.push(data));
    run.stderr.on("data", (data) => lines.push(data));
    run.on("error", (error) => lines.push(`${error.message}\n`));
    run.on("close", (status) => {
      running.delete(run);
      const text = Buffer.concat(lines.map((line) => Buffer.from(line))).toString();
      // halmos only warns when it has not looked at every path, or at none.
      const whole = !text.includes("wiki/warnings#");
      if (status !== 0 || !whole) failed = true;
      console.log(`${contract}\n${text.trim()}\n`);
      done();
    });
  });
}

function onPath(name) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
