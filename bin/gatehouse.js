#!/usr/bin/env node
// Launcher: checks the runtime, then runs the command line.

const needed = [22, 17];
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  console.error(
    `gatehouse needs Node.js ${needed.join('.')} or newer, and this is ${process.versions.node}.\n` +
      'Start it with npm (npm start) or npx (npx gatehouse …): they use the one that npm installed with it.',
  );
  process.exit(2);
}

const { runCommandLine } = await import('../dist/bundle/command-line.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('command-line.js')) {
    throw error;
  }
  console.error('gatehouse is not built yet: run npm run build.');
  process.exit(2);
});
await runCommandLine(process.argv.slice(2), process);
// Everything of ours is closed now. What a library has left ticking (a run of the job queue that had to be
// left behind tries again in ten minutes) must not keep the process.
setTimeout(() => process.exit(), 500).unref();
