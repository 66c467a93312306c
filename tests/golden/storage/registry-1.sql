CREATE TABLE "api_keys" ("id" text not null primary key, "secret_hash" text not null unique, "name" text not null, "team_id" text, "models_json" text, "requests_per_minute" integer, "created_at_ms" bigint not null, "expires_at_ms" bigint, "revoked_at_ms" bigint);
CREATE TABLE "models" ("id" text not null primary key, "position" integer not null, "owned_by" text not null, "created_at_ms" bigint not null, "surfaces_json" text not null, "context_tokens" integer not null, "prompt_nano_usd" bigint not null, "completion_nano_usd" bigint not null, "cached_nano_usd" bigint not null);
CREATE TABLE "deployments" ("id" text not null primary key, "model_id" text not null references "models" ("id") on delete cascade, "position" integer not null, "kind" text not null, "served_name" text not null, "slots" integer not null check (slots > 0), "gpu_type" text, "gpu_count" integer, "gpu_nano_usd_per_second" bigint, "options_json" text not null);
pragma user_version = 1;
insert into api_keys values ('key_1', 'aa11', 'website', 'web', '["phi-2"]', 60, 1700000000000, 1800000000000, null);
insert into api_keys values ('key_2', 'bb22', 'gone', null, null, null, 1700000000001, null, 1700000000002);
insert into models values ('phi-2', 0, 'microsoft', 1700000000000, '["openai-chat"]', 2048, 50, 100, 50);
insert into deployments values ('phi-2-here', 'phi-2', 0, 'openai-compatible', 'microsoft/phi-2', 4, 'RTX A4000', 1, 160000, '{"baseUrl":"http://127.0.0.1:8000"}');
