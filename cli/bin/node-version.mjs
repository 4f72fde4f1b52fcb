/** Says what is missing before code is loaded that an older Node.js can't read; the script `velocity` does so in a clone. */
const OLDEST = 20; // as in package.json, engines

if (Number(process.versions.node.split('.')[0]) < OLDEST) {
  process.stderr.write(
    `velocity: Node.js ${process.versions.node} is too old; install version ${OLDEST} or newer\n`,
  );
  process.exit(3);
}
