// The registry's tables: the types of their rows, and the migrations that make them. Kysely's
// schema builder writes the statements, so that a shared database can get the same steps.
import { type Compilable, type Generated, type Kysely, type SchemaModule, sql } from 'kysely'
import type { Migration } from './sqlite-file.ts'

export interface RegistryTables {
  api_keys: {
    id: string
    /** SHA-256 of the whole token, in hex: the token itself is never stored. */
    secret_hash: string
    name: string
    team_id: string | null
    models_json: string | null
    requests_per_minute: number | null
    created_at_ms: number
    expires_at_ms: number | null
    revoked_at_ms: number | null
    scopes_json: Generated<string>
    concurrency_max: Generated<number | null>
    tokens_per_minute: Generated<number | null>
    last_used_at_ms: Generated<number | null>
    third_party: Generated<number>
  }
  /** A secret that was replaced, and is valid until its overlap ends. */
  old_secrets: {
    secret_hash: string
    key_id: string
    until_ms: number
  }
  /** Who changed what. A row is never changed and holds no secret. */
  audit: {
    id: Generated<number>
    at_ms: number
    /** A key's id, or `cli`. */
    actor: string
    action: string
    target: string
    before_json: string | null
    after_json: string | null
  }
  models: {
    id: string
    /** The order of the file, which is the order of `GET /v1/models`. */
    position: number
    owned_by: string
    created_at_ms: number
    surfaces_json: string
    context_tokens: number
    prompt_nano_usd: number
    completion_nano_usd: number
    cached_nano_usd: number
    aliases_json: Generated<string>
    capabilities_json: Generated<string>
    is_disabled: Generated<number>
    policy_json: Generated<string | null>
    routing: Generated<string>
  }
  deployments: {
    id: string
    model_id: string
    position: number
    kind: string
    served_name: string
    slots: number
    gpu_type: string | null
    gpu_count: number | null
    gpu_nano_usd_per_second: number | null
    options_json: string
    is_disabled: Generated<number>
    weight: Generated<number>
    third_party: Generated<number>
    /** null here and in the two below: the configured value holds. */
    first_byte_ms: Generated<number | null>
    orphan_hold_ms: Generated<number | null>
    warm_for_ms: Generated<number | null>
  }
}

export function registryMigrations(db: Kysely<RegistryTables>): Migration[] {
  const { schema } = db
  const steps = [
    firstTables(schema),
    keysInLife(schema),
    // Older models have the usual policy, and older keys no token limit of their own.
    [schema.alterTable('models').addColumn('policy_json', 'text')],
    [schema.alterTable('api_keys').addColumn('tokens_per_minute', 'bigint')],
    routingTerms(db),
  ]
  return steps.map((step) => step.map((statement) => statement.compile().sql))
}

function firstTables(schema: SchemaModule): Compilable[] {
  return [
    schema
      .createTable('api_keys')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('secret_hash', 'text', (column) => column.notNull().unique())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('team_id', 'text')
      .addColumn('models_json', 'text')
      .addColumn('requests_per_minute', 'integer')
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('expires_at_ms', 'bigint')
      .addColumn('revoked_at_ms', 'bigint'),
    schema
      .createTable('models')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('position', 'integer', (column) => column.notNull())
      .addColumn('owned_by', 'text', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('surfaces_json', 'text', (column) => column.notNull())
      .addColumn('context_tokens', 'integer', (column) => column.notNull())
      .addColumn('prompt_nano_usd', 'bigint', (column) => column.notNull())
      .addColumn('completion_nano_usd', 'bigint', (column) => column.notNull())
      .addColumn('cached_nano_usd', 'bigint', (column) => column.notNull()),
    schema
      .createTable('deployments')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('model_id', 'text', (column) =>
        column.notNull().references('models.id').onDelete('cascade'),
      )
      .addColumn('position', 'integer', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('served_name', 'text', (column) => column.notNull())
      .addColumn('slots', 'integer', (column) => column.notNull().check(sql`slots > 0`))
      .addColumn('gpu_type', 'text')
      .addColumn('gpu_count', 'integer')
      .addColumn('gpu_nano_usd_per_second', 'bigint')
      .addColumn('options_json', 'text', (column) => column.notNull()),
  ]
}

/** Older keys may do what every key could do then: everything but administer. */
function keysInLife(schema: SchemaModule): Compilable[] {
  const keys = schema.alterTable('api_keys')
  const models = schema.alterTable('models')
  const empty = sql.lit('[]')
  return [
    keys.addColumn('scopes_json', 'text', (column) =>
      column.notNull().defaultTo(sql.lit('["chat","embeddings"]')),
    ),
    keys.addColumn('concurrency_max', 'integer'),
    keys.addColumn('last_used_at_ms', 'bigint'),
    models.addColumn('aliases_json', 'text', (column) => column.notNull().defaultTo(empty)),
    models.addColumn('capabilities_json', 'text', (column) => column.notNull().defaultTo(empty)),
    models.addColumn('is_disabled', 'integer', (column) => column.notNull().defaultTo(sql.lit(0))),
    schema
      .alterTable('deployments')
      .addColumn('is_disabled', 'integer', (column) => column.notNull().defaultTo(sql.lit(0))),
    schema
      .createTable('old_secrets')
      .addColumn('secret_hash', 'text', (column) => column.primaryKey().notNull())
      .addColumn('key_id', 'text', (column) => column.notNull().references('api_keys.id'))
      .addColumn('until_ms', 'bigint', (column) => column.notNull()),
    schema
      .createTable('audit')
      .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('at_ms', 'bigint', (column) => column.notNull())
      .addColumn('actor', 'text', (column) => column.notNull())
      .addColumn('action', 'text', (column) => column.notNull())
      .addColumn('target', 'text', (column) => column.notNull())
      .addColumn('before_json', 'text')
      .addColumn('after_json', 'text'),
  ]
}

/**
 * Older versions only ever asked a model's first deployment. A later one with a key of its own
 * counts as a third party until an operator says otherwise, so that it gets no prompts before. The
 * options were written by `JSON.stringify`, without spaces, so `like` finds the name in every
 * database.
 */
function routingTerms(db: Kysely<RegistryTables>): Compilable[] {
  const { schema } = db
  const deployments = schema.alterTable('deployments')
  const never = sql.lit(0)
  return [
    schema
      .alterTable('models')
      .addColumn('routing', 'text', (column) => column.notNull().defaultTo(sql.lit('order'))),
    deployments.addColumn('weight', 'integer', (column) => column.notNull().defaultTo(sql.lit(1))),
    deployments.addColumn('third_party', 'integer', (column) => column.notNull().defaultTo(never)),
    deployments.addColumn('first_byte_ms', 'bigint'),
    deployments.addColumn('orphan_hold_ms', 'bigint'),
    deployments.addColumn('warm_for_ms', 'bigint'),
    schema
      .alterTable('api_keys')
      .addColumn('third_party', 'integer', (column) => column.notNull().defaultTo(never)),
    // Only the text of a step is used, so its values must be part of the text.
    db
      .updateTable('deployments')
      .set({ third_party: sql.lit(1) })
      .where('position', '>', sql.lit(0))
      .where('options_json', 'like', sql.lit('%"apiKeyEnv":%')),
  ]
}
