// docs/api.md names exactly the routes that a running gateway has.
import { expect, test } from 'vitest'
import { routes } from '../../scripts/api-page.ts'
import { startTestGateway } from '../support/test-gateway.ts'

test('docs/api.md has every route there is, and no other', async () => {
  await using gateway = await startTestGateway({ baseUrl: 'http://127.0.0.1:1' })
  const answered = gateway.gateway.routes.filter(
    (route) => !/^(HEAD|OPTIONS) /.test(route) && !route.includes(' /admin/'),
  )
  expect(Object.keys(routes).sort()).toEqual([...new Set(answered)].sort())
})
