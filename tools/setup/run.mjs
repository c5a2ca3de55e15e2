// Entry of `npm run demo`, `npm run example`, `npm test` and `npm run setup`. It depends on nothing but Node, for it is the
// first thing that runs after a clone. The imports wait until Node is known to be new enough for them.
const MINIMUM_NODE = [20, 19];

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < (MINIMUM_NODE[0] ?? 0) || (major === MINIMUM_NODE[0] && minor < (MINIMUM_NODE[1] ?? 0))) {
    console.error(`Node.js ${process.versions.node} is too old; ${MINIMUM_NODE.join(".")} or newer is needed
  next: install it from https://nodejs.org/en/download (Debian: curl -fsSL https://deb.nodesource.com/setup_22.x | bash - && apt-get install -y nodejs)`);
    process.exit(1);
}

const { SetupFailure } = await import("./failure.mjs");
const { main } = await import("./commands.mjs");
try {
    process.exitCode = await main(process.argv.slice(2));
} catch (error) {
    console.error(error instanceof SetupFailure ? `\n${error.text}` : error);
    process.exitCode = 1;
}
