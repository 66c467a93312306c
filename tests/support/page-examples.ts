// The examples of a page as its reader meets them: blocks of code below their headings, and in a
// block of shell each command with the comment above it.

export interface Block {
  heading: string
  /** Empty for a block that is only indented. */
  language: string
  text: string
}

export interface ShellBlock {
  /** Lines that only set variables: they hold for every command below. */
  settings: string
  commands: Command[]
}

export interface Command {
  /** The comment above it. */
  says: string
  line: string
}

export function blocksOf(page: string): Block[] {
  const blocks: Block[] = []
  let heading = ''
  let open: Block | null = null
  let isFenced = false
  for (const line of page.split('\n')) {
    const [, fence] = /^```(\w*)$/.exec(line) ?? []
    const isIndented = line.startsWith('    ')
    if (fence !== undefined) {
      isFenced = !isFenced
      open = isFenced ? begun(heading, fence, blocks) : null
    } else if (isFenced && open !== null) {
      open.text += `${line}\n`
    } else if (isIndented) {
      open ??= begun(heading, '', blocks)
      open.text += `${line.slice(4)}\n`
    } else {
      open = null
      heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading
    }
  }
  return blocks
}

function begun(heading: string, language: string, blocks: Block[]): Block {
  const block = { heading, language, text: '' }
  blocks.push(block)
  return block
}

/** Without a block there are no commands. */
export function shellOf(block: Block | undefined): ShellBlock {
  const commands: Command[] = []
  const settings: string[] = []
  let says: string[] = []
  let line = ''
  for (const piece of (block?.text ?? '').split('\n')) {
    if (line === '' && piece.startsWith('#')) {
      says.push(piece.replace(/^# */, ''))
      continue
    }
    line += piece
    if (!isWhole(line)) {
      line += '\n'
      continue
    }
    if (/^(?:export )?[A-Z_]+=/.test(line)) settings.push(line)
    else if (line !== '') commands.push({ says: says.join(' '), line })
    line = ''
    says = []
  }
  // What never ends is shown too, so that whoever looks for it finds it.
  if (line !== '') commands.push({ says: says.join(' '), line })
  return { settings: settings.join('\n'), commands }
}

/** Every line that calls something, in blocks and within sentences. */
export function curlsOf(page: string): Command[] {
  const inBlocks = blocksOf(page).flatMap((block) => shellOf(block).commands)
  const inSentences = [...page.matchAll(/`(curl [^`]+)`/g)].map(([, line = '']) => line)
  return [
    ...inBlocks.filter(({ line }) => line.startsWith('curl ')),
    ...inSentences.map((line) => ({ says: '', line })),
  ]
}

/** A command goes on behind a backslash, and within a quoted text. */
function isWhole(line: string): boolean {
  return !line.endsWith('\\') && line.split("'").length % 2 === 1
}
