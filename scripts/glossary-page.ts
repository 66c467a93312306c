// The glossary that stands in a comment of src/domain/index.ts, read, and written as
// docs/glossary.md. A test asks it which words are explained.

export interface GlossaryPart {
  title: string
  words: { word: string; meaning: string }[]
}

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string

/** A part begins with `# title`; each line below is `word: meaning`. */
export function readGlossary(source: string): GlossaryPart[] {
  const [, comment] = /^\/\*\nGlossary\n\n([\s\S]*?)^\*\/$/m.exec(source) ?? []
  if (comment === undefined) throw new Error('src/domain/index.ts has no glossary')
  return comment
    .trim()
    .split(/\n\n/)
    .map((part) => {
      const [title = '', ...lines] = part.split('\n')
      if (!title.startsWith('# '))
        throw new Error(`the glossary has a part without title: ${title}`)
      return { title: title.slice(2), words: lines.map(readLine) }
    })
}

function readLine(line: string): { word: string; meaning: string } {
  const [, word, meaning] = /^([^:]+): (.+\.)$/.exec(line) ?? []
  if (word === undefined || meaning === undefined) {
    throw new Error(`the glossary cannot be read at: ${line}`)
  }
  return { word, meaning }
}

/** Title and parts of the page. */
export function glossaryPage(source: string, table: Table): string[] {
  return [
    '# Glossary',
    'One word, one meaning. The code, its comments and these pages use each word in this sense.',
    ...readGlossary(source).flatMap(({ title, words }) => [
      `## ${title}`,
      table(
        ['word', 'meaning'],
        words.map(({ word, meaning }) => [word, meaning]),
      ),
    ]),
  ]
}
