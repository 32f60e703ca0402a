// Compiles our contracts and writes abi/*.json, the committed interfaces and bytecode that let Cargo build without a
// Solidity compiler. With --check it writes nothing and exits 1 naming each file that is not what the sources give.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { forge, root } from "./foundry.mjs";

const CONTRACTS = {
  src: ["PolicyRegistry", "EmergencyBrake", "DecisionGate"],
  devnet: ["DevnetVotes", "DevnetGovernor", "ReplayFeed", "DevnetAsset", "DevnetVault"],
};

const check = process.argv.includes("--check");
const scratch = mkdtempSync(join(tmpdir(), "quaestor-contracts-"));
try {
  build(scratch);
  const wanted = new Map();
  for (const [folder, names] of Object.entries(CONTRACTS)) {
    for (const name of names) {
      const target = folder === "src" ? `abi/${name}.json` : `abi/${folder}/${name}.json`;
      wanted.set(target, render(name, join(scratch, "out", `${name}.sol`, `${name}.json`)));
    }
  }
  process.exitCode = check ? compare(wanted) : write(wanted);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Always everything, always from nothing: identifiers in the output depend on what is compiled together. */
function build(scratch) {
  const folders = ["--out", join(scratch, "out"), "--cache-path", join(scratch, "cache")];
  const run = spawnSync(forge(), ["build", ...Object.keys(CONTRACTS), "--force", "--skip", "test", ...folders], {
    cwd: root,
    encoding: "utf8",
  });
  if (run.status !== 0) {
    throw new Error(`forge build failed\n${run.stdout ?? ""}${run.stderr ?? ""}${run.error?.message ?? ""}`);
  }
}

/** The Foundry artifact, cut down to what `sol!` and the code-hash check read. */
function render(contractName, artifact) {
  const { abi, bytecode, deployedBytecode } = JSON.parse(readFileSync(artifact, "utf8"));
  const immutableReferences = {};
  // The compiler names an immutable by a syntax-tree number; we name it by its place in the code.
  Object.values(deployedBytecode.immutableReferences ?? {})
    .sort((left, right) => left[0].start - right[0].start)
    .forEach((places, index) => (immutableReferences[index] = places));
  const kept = {
    contractName,
    abi,
    bytecode: { object: bytecode.object },
    deployedBytecode: { object: deployedBytecode.object, immutableReferences },
  };
  return JSON.stringify(kept, null, 2) + "\n";
}

function write(wanted) {
  for (const [path, text] of wanted) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    console.log(`wrote contracts/${path}`);
  }
  return 0;
}

function compare(wanted) {
  let stale = 0;
  const report = (path, what) => {
    stale = 1;
    console.error(`contracts/${path} ${what}: run 'npm run compile' in contracts/ and commit the result`);
  };
  for (const [path, text] of wanted) {
    const file = join(root, path);
    if (!existsSync(file)) report(path, "is missing");
    else if (readFileSync(file, "utf8") !== text) report(path, "is stale");
  }
  for (const folder of ["abi", "abi/devnet"]) {
    for (const name of existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : []) {
      if (name.endsWith(".json") && !wanted.has(`${folder}/${name}`)) report(`${folder}/${name}`, "has no source");
    }
  }
  if (!stale) console.log(`${wanted.size} compiled interfaces are fresh`);
  return stale;
}
