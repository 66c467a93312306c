// What is put right in answers: only where it is needed, and nothing around it.
import { describe, expect, test } from 'vitest'
import {
  type AnswerRule,
  dropped,
  droppedWhenNull,
  droppedWhenUnreadable,
  eachOf,
  either,
  inside,
  mend,
  nullWhenMissing,
  pinned,
  renamed,
} from '#src/surfaces/answer-rules.ts'
import { surfaces } from '#src/surfaces/index.ts'

function mended(text: string, ...rules: AnswerRule[]): string {
  return mend(text, JSON.parse(text), rules)
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

/* biome-ignore format: a table reads as a table */
test.each([
  ['dropped, there',           '{"a": 1 ,"b":2}',        [dropped('a')],                '{"b":2}'],
  ['dropped, null',            '{"a":null,"b":2}',       [dropped('a')],                '{"b":2}'],
  ['dropped, not there',       '{ "b" : 2 }',            [dropped('a')],                '{ "b" : 2 }'],
  ['dropped when null',        '{"a":null,"b":2}',       [droppedWhenNull('a')],        '{"b":2}'],
  ['dropped when null, set',   '{"a": 0}',               [droppedWhenNull('a')],        '{"a": 0}'],
  ['null when missing',        '{"b": 2}',               [nullWhenMissing('a')],        '{"b": 2,"a":null}'],
  ['null when missing, there', '{"a": 2}',               [nullWhenMissing('a')],        '{"a": 2}'],
  ['pinned',                   '{"a": "x"}',             [pinned('a', 'y')],            '{"a": "y"}'],
  ['pinned, the same',         '{"a":  7}',              [pinned('a', 7)],              '{"a":  7}'],
  ['pinned, not there',        '{"b": 1}',               [pinned('a', 'y')],            '{"b": 1,"a":"y"}'],
  ['unreadable, so dropped',   '{"a": 1, "b":2}',        [droppedWhenUnreadable('a', isText)], '{"b":2}'],
  ['unreadable, but readable', '{"a": "1"}',             [droppedWhenUnreadable('a', isText)], '{"a": "1"}'],
  ['unreadable, not there',    '{"b": 2}',               [droppedWhenUnreadable('a', isText)], '{"b": 2}'],
  ['renamed',                  '{"a":7,"c":1.0}',        renamed('a', 'b'),             '{"c":1.0,"b":7}'],
  ['renamed, both there',      '{"a":7,"b":1.0}',        renamed('a', 'b'),             '{"b":1.0}'],
  ['either, the first',        '{"a":null}',             [either(droppedWhenNull('a'), pinned('a', 'y'))], '{}'],
  ['either, the second',       '{"a":"x"}',              [either(droppedWhenNull('a'), pinned('a', 'y'))], '{"a":"y"}'],
  ['inside',                   '{"o":{"a":1, "n":1e400}}', [inside('o', [dropped('a')])], '{"o":{"n":1e400}}'],
  ['inside what is no object', '{"o":[{"a":1}]}',        [inside('o', [dropped('a')])], '{"o":[{"a":1}]}'],
  ['each of',                  '{"l":[ {"a":1} , 5, "]", {"b":12345678901234567890}, [1,2] ]}', [eachOf('l', [dropped('a')])], '{"l":[{},5,"]",{"b":12345678901234567890},[1,2]]}'],
  ['each of none that needs',  '{"l":[ {"b" : 1} ]}',    [eachOf('l', [dropped('a')])], '{"l":[ {"b" : 1} ]}'],
  ['each of an empty list',    '{"l":[ ]}',              [eachOf('l', [dropped('a')])], '{"l":[ ]}'],
])('%s', (_what, text, rules, expected) => {
  expect(mended(text, ...rules)).toBe(expected)
})

describe.each(surfaces.map((surface) => [surface.name, surface.fields.answer] as const))(
  'the table of %s',
  (_name, rules) => {
    test('has one rule for each member, at every depth', () => {
      const levels: (readonly AnswerRule[])[] = [rules]
      for (const level of levels) {
        const members = level.map(({ member }) => member)
        expect(members).toEqual([...new Set(members)])
        for (const { within } of level) if (within !== undefined) levels.push(within)
      }
    })
  },
)
