#!/usr/bin/env node
// The way in for a terminal. Plain JavaScript that any Node since version 12 can read (so no await
// at the top), because its first duty is to say clearly that this Node is too old for the rest.
import * as module from 'node:module'
import { fileURLToPath } from 'node:url'

const major = Number(process.versions.node.split('.')[0])

if (major >= 24) {
  keepCompiled()
  import('../src/main.ts')
} else {
  console.error(
    `Podgate needs Node 24 or newer; this is ${process.version}. ` +
      'Run it through npm (`npm start`, `npm run podgate -- <command>`), which brings its own.',
  )
  process.exitCode = 1
}

/**
 * What Node makes of the source is kept beside the packages: the next start need not do it again, nor
 * hold the compiler of TypeScript, here and in the ledger's thread (27 MB). In a folder that is only
 * read nothing else changes.
 */
function keepCompiled() {
  const { NODE_COMPILE_CACHE: given } = process.env
  const folder = given || fileURLToPath(new URL('../node_modules/.cache/podgate', import.meta.url))
  process.env.NODE_COMPILE_CACHE = folder
  module.enableCompileCache(folder)
}
