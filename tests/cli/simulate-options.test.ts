// Which options of the simulator the flags of `podgate simulate` make, and which flags are
// refused.
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { addOptionFlags, optionsFrom, type SimulateFlags } from '#src/cli/simulate-options.ts'
import { realOptions, simulatorOptions } from '#src/simulator/index.ts'

function made(...args: string[]) {
  const command = addOptionFlags(new Command())
    .exitOverride()
    .configureOutput({ writeErr() {} })
  return optionsFrom(command.parse(args, { from: 'user' }).opts<SimulateFlags>())
}

test('without flags there are the defaults', () => {
  expect(made()).toEqual(simulatorOptions.parse({}))
})

test.each([
  [['--port', '0', '--host', '::1'], { port: 0, host: '::1' }],
  [['--cold', '1.5'], { coldMs: 1500 }],
  [['--speed', '20', '--seed', '7'], { speed: 20, seed: 7 }],
  [['--manual-clock'], { clock: 'manual' }],
  [['--set', 'coldStarts=mixed', '--set', 'workersMax=5'], { coldStarts: 'mixed', workersMax: 5 }],
  [['--set', 'takeTime={"medianMs":1,"leastMs":0,"mostMs":9}'], { takeTime: { medianMs: 1 } }],
  [
    ['--fault', 'busy,endpoint=sim-phi', '--fault', 'status=503,times=2'],
    {
      faults: [
        { fault: 'busy', match: { endpoint: 'sim-phi' } },
        { fault: 'status=503', match: {}, times: 2 },
      ],
    },
  ],
  [['--real'], realOptions],
  [['--real', '--set', 'edgeTimeoutMs=0'], { coldStarts: 'mixed', edgeTimeoutMs: 0 }],
  [['--real', '--cold', '3'], { coldStarts: 'fixed', coldMs: 3000, rateLimits: true }],
])('%j', (args, options) => {
  expect(made(...args)).toMatchObject(options)
})

test.each([
  [['--fault', 'busy', '--fault', 'nonsense'], '--fault nonsense: no such fault'],
  [['--fault', 'busy,nth=0'], '--fault busy,nth=0: '],
  [['--speed', '0'], 'speed: '],
  [['--set', 'workersMax=many'], 'workersMax: '],
])('%j is a mistake that is told', (args, told) => {
  const read = made(...args)
  expect('mistake' in read ? read.mistake : '').toContain(told)
})

test.each([[['--set', 'nonsense=1']], [['--set', 'speed']], [['--port', 'x']]])(
  '%j is wrong usage',
  (args) => {
    expect(() => made(...args)).toThrow()
  },
)
