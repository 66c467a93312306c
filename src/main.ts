// Where a process begins. Without a command it serves: `node src/main.ts` is production's start.
import { main } from './cli/main.ts'

const given = process.argv.slice(2)
process.exitCode = await main(given.length === 0 ? ['serve'] : given)
