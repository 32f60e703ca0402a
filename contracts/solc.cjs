#!/usr/bin/env node
// Lets forge drive the solc of the npm package as if it were a native compiler.
const solc = require("solc");

if (process.argv.includes("--version")) {
  console.log("solc, the solidity compiler commandline interface");
  console.log("Version: " + solc.version());
} else {
  process.stdout.write(solc.compile(require("fs").readFileSync(0, "utf8")));
}
