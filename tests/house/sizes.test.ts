// What fits on a screen is read at once: how long a function may be, and a factory or a class, which
// is read in parts.
import { expect, test } from 'vitest'
import { sourceFile, sourceFiles } from './source-files.ts'
import { type CodeBlock, codeBlocksOf } from './syntax.ts'

const ownLinesMax = 60
const linesMax = 150

/** What may be longer, and why. */
const exceptions: Readonly<Record<string, string>> = {}
const exceptionsMax = 5

function isTooLong({ kind, lines, ownLines }: CodeBlock): boolean {
  if (kind === 'class') return lines > linesMax
  return ownLines > ownLinesMax || (kind === 'factory' && lines > linesMax)
}

function tooLong(blocks: readonly CodeBlock[]): string[] {
  return blocks.filter(isTooLong).map(({ name }) => name)
}

test('a function has at most 60 lines of its own, a factory or class 150', () => {
  const found = tooLong(sourceFiles().flatMap(codeBlocksOf))
  expect(found.filter((name) => !(name in exceptions))).toEqual([])
})

test('there are at most five exceptions, and each is needed', () => {
  const found = tooLong(sourceFiles().flatMap(codeBlocksOf))
  expect(Object.keys(exceptions).filter((name) => !found.includes(name))).toEqual([])
  expect(Object.keys(exceptions).length).toBeLessThanOrEqual(exceptionsMax)
})

test('the rule sees what is too long, and does not count nested functions twice', () => {
  const lines = (count: number) => 'a()\n'.repeat(count)
  const text = [
    `function long() {\n${lines(59)}}`,
    `function short() {\n${lines(58)}}`,
    `const arrow = () => {\n${lines(59)}}`,
    `class Large {\n one() {\n${lines(50)}}\n two() {\n${lines(50)}}\n three() {\n${lines(50)}}\n}`,
    `class Small {\n one() {\n${lines(50)}}\n two() {\n${lines(50)}}\n}`,
    `function factory() {\n${lines(40)} const one = () => {\n${lines(50)}}\n}`,
    `function plant() {\n const one = () => {\n${lines(58)}}\n`,
    ` const two = () => {\n${lines(58)}}\n const three = () => {\n${lines(58)}}\n}`,
  ].join('\n')
  expect(tooLong(codeBlocksOf(sourceFile('src/a.ts', text)))).toEqual([
    'src/a.ts: long',
    'src/a.ts: arrow',
    'src/a.ts: Large',
    'src/a.ts: plant',
  ])
})
