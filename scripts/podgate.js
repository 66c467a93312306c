#!/usr/bin/env node
// The way in for a terminal. Plain JavaScript that any Node since version 12 can read (so no await
// at the top), because its first duty is to say clearly that this Node is too old for the rest.
const major = Number(process.versions.node.split('.')[0])

if (major >= 24) {
  import('../src/main.ts')
} else {
  console.error(
    `Podgate needs Node 24 or newer; this is ${process.version}. ` +
      'Run it through npm (`npm start`, `npm run podgate -- <command>`), which brings its own.',
  )
  process.exitCode = 1
}
