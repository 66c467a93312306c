CREATE TABLE calls (
    request_id text primary key not null,
    client_request_id text,
    key_id text not null,
    team_id text,
    end_user_hash text,
    surface text not null,
    model text not null,
    deployment text,
    transport text,
    upstream_id text,
    worker_id text,
    received_at_ms integer not null,
    status integer not null,
    outcome text not null,
    error_code text,
    fault text,
    stream integer not null,
    attempts integer not null,
    duration_ms real not null,
    queue_ms real not null,
    ttft_ms real,
    exec_ms real,
    overhead_ms real not null,
    stream_ms real,
    cold_start integer not null,
    prompt_tokens integer not null,
    completion_tokens integer not null,
    cached_tokens integer not null,
    usage_source text not null,
    prompt_nano_usd integer not null,
    completion_nano_usd integer not null,
    cached_nano_usd integer not null,
    charge_nano_usd integer not null,
    gpu_seconds real,
    possible_orphan integer not null
  ) strict, without rowid;
CREATE INDEX calls_by_time on calls (received_at_ms);
CREATE TABLE attempts (
    id integer primary key,
    request_id text not null,
    ordinal integer not null,
    model text not null,
    deployment text not null,
    transport text not null,
    started_at_ms integer not null,
    duration_ms real not null,
    result text not null,
    fault text,
    released text not null,
    cancellation text not null,
    wasted_seconds real not null,
    waste_reason text
  ) strict;
CREATE INDEX attempts_by_call on attempts (request_id);
CREATE TABLE cost_postings (
    id integer primary key,
    request_id text not null,
    kind text not null,
    nano_usd integer not null,
    source text not null,
    posted_at_ms integer not null
  ) strict;
CREATE INDEX cost_postings_by_call on cost_postings (request_id);
CREATE TRIGGER calls_refuse_update before update on calls begin select raise(abort, 'the ledger is append-only'); end;
CREATE TRIGGER attempts_refuse_update before update on attempts begin select raise(abort, 'the ledger is append-only'); end;
CREATE TRIGGER cost_postings_refuse_update before update on cost_postings begin select raise(abort, 'the ledger is append-only'); end;
CREATE TABLE retention (
    id integer primary key check (id = 1),
    until_ms integer not null
  ) strict;
CREATE TRIGGER retention_refuse_delete before delete on retention begin
    select raise(abort, 'the ledger is append-only'); end;
CREATE TRIGGER retention_refuse_return before update on retention
    when new.until_ms < old.until_ms begin
    select raise(abort, 'the ledger is append-only'); end;
CREATE TRIGGER calls_refuse_delete before delete on calls
      when old.received_at_ms >= coalesce((select until_ms from retention), 0) begin
      select raise(abort, 'the ledger is append-only'); end;
CREATE TRIGGER attempts_refuse_delete before delete on attempts
      when coalesce((select received_at_ms from calls where request_id = old.request_id), old.started_at_ms) >= coalesce((select until_ms from retention), 0) begin
      select raise(abort, 'the ledger is append-only'); end;
CREATE TRIGGER cost_postings_refuse_delete before delete on cost_postings
      when coalesce((select received_at_ms from calls where request_id = old.request_id), old.posted_at_ms) >= coalesce((select until_ms from retention), 0) begin
      select raise(abort, 'the ledger is append-only'); end;
pragma user_version = 3;
pragma application_id = 1349477452;
insert into calls values ('req_1', 'client-1', 'key_1', 'web', null, 'openai-chat', 'phi-2', 'phi-2-here', 'openai-compatible', null, null, 1700000000000, 200, 'ok', null, null, 1, 1, 120.5, 0.25, 80.5, null, 0.75, 30, 0, 100, 40, 30, 'reported', 50, 100, 50, 9000, null, 0);
insert into attempts values (1, 'req_1', 1, 'phi-2', 'phi-2-here', 'openai-compatible', 1700000000000, 119.5, 'answered', null, 'ended', 'none', 0, null);
insert into cost_postings values (1, 'req_1', 'boot', 5, 'billing', 1700000000500);
insert into attempts values (2, 'req_1', 2, 'phi-2', 'phi-2-there', 'openai-compatible', 1700000000060, 60.25, 'faulted', 'upstream_unreachable', 'destroyed', 'proven', 0.5, 'retry');
insert into attempts values (5, 'req_2', 1, 'phi-2', 'phi-2-here', 'openai-compatible', 1700000000100, 1.5, 'answered', null, 'ended', 'none', 0, null);
insert into retention values (1, 1600000000000);
