// `podgate simulate --watch`: the terminal view, drawn anew a few times a second over the last
// frame. Off a terminal a frame is printed now and then, whole and without colour.
import type { Clock, Timer } from '#domain'
import { drawState, type Simulator } from '#simulator'

/** A terminal, or what stands in for one. */
export interface WatchScreen {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

const terminalMs = 250
const elsewhereMs = 5000
const hideCursor = '\u001b[?25l'
const showCursor = '\u001b[?25h'
const toTop = '\u001b[H'
const clearAll = '\u001b[2J'
const clearLine = '\u001b[K'
const clearBelow = '\u001b[J'

/** Draws until the function given back is called. */
export function watchSimulator(
  simulator: Simulator,
  clock: Clock,
  screen: WatchScreen,
  wantsColour: boolean,
): () => void {
  const isTerminal = screen.isTTY === true
  let timer: Timer | null = null

  function draw(): void {
    // A terminal that does not know its size says 0.
    const size = isTerminal
      ? { columns: screen.columns || 80, rows: (screen.rows || 24) - 1 }
      : { columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY }
    const hasColour = isTerminal && wantsColour
    const lines = drawState(simulator.url, simulator.state(), { ...size, hasColour })
    screen.write(
      isTerminal
        ? `${toTop}${lines.map((line) => `${line}${clearLine}\n`).join('')}${clearBelow}`
        : `${lines.join('\n')}\n\n`,
    )
    timer = clock.after(isTerminal ? terminalMs : elsewhereMs, draw)
  }

  if (isTerminal) screen.write(`${hideCursor}${clearAll}`)
  draw()
  return () => {
    timer?.cancel()
    if (isTerminal) screen.write(showCursor)
  }
}
