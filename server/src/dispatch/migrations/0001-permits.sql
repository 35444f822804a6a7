-- The ledger of permits: how many requests each provider was or may have been sent, by quota, for all processes together.
-- docs/decisions/0026-permits.md says why it counts as it does.
--
-- All times are milliseconds since 1970 by this database's clock. Every change of what belongs to a provider first locks
-- its row of provider_states, so nested quotas are taken all or none, and two changes cannot wait for each other.

CREATE TABLE dispatch.provider_states (
  provider_id text PRIMARY KEY,
  -- The longest that a request travels before the provider counts it.
  guard_ms float8 NOT NULL,
  -- How long a probe keeps others from probing, whatever becomes of it.
  probe_ms float8 NOT NULL,
  -- The latest time that was counted by. Time never goes back here, though a clock may be set back.
  at_ms float8 NOT NULL DEFAULT 0,
  -- The provider said so by a refusal; never moved to an earlier time.
  blocked_until_ms float8 NOT NULL DEFAULT 0,
  -- Whether that time is more than a guess.
  is_length_known boolean NOT NULL DEFAULT true,
  -- When that time has come, one request alone tries.
  must_probe boolean NOT NULL DEFAULT false,
  probe_ends_ms float8 NOT NULL DEFAULT 0,
  -- Blocks in a row without a request taken between them.
  strikes int NOT NULL DEFAULT 0,
  -- Rises with each block: what is told of a permit from before the block says nothing about it.
  episode bigint NOT NULL DEFAULT 0,
  -- Days since 1970 (UTC), and what was counted on that day.
  day int NOT NULL DEFAULT 0,
  requests int NOT NULL DEFAULT 0,
  refusals int NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE dispatch.quotas (
  provider_id text NOT NULL,
  -- From 1, in the order of the file.
  place int NOT NULL,
  kind text NOT NULL,
  quota_limit int NOT NULL,
  window_ms float8 NOT NULL,
  block_ms float8 NOT NULL,
  offset_ms float8 NOT NULL,
  -- What the provider seems to grant; never above the limit.
  estimate int NOT NULL,
  -- The number of the window, of aligned windows; else of the count. A permit of another epoch cannot come back.
  epoch bigint NOT NULL DEFAULT 0,
  -- Permits granted in this epoch and not come back; of a sliding log, those that may still be in it.
  used int NOT NULL DEFAULT 0,
  -- Of them, those that may arrive in the next window, and count in it too.
  used_next int NOT NULL DEFAULT 0,
  -- The first grant of the epoch. Null: it has not begun.
  begun_ms float8,
  -- No request of the epoch arrives later than this.
  latest_ms float8 NOT NULL DEFAULT 0,
  -- Responses that were told of: requests that have arrived at the latest then.
  first_response_ms float8,
  last_response_ms float8 NOT NULL DEFAULT 0,
  responses int NOT NULL DEFAULT 0,
  -- After a refusal: when the count begins anew, whatever was counted.
  reset_ms float8,
  -- What the estimate is learnt from.
  refused int NOT NULL DEFAULT 0,
  was_full boolean NOT NULL DEFAULT false,
  accepted_at_refusal int,
  refused_epochs int NOT NULL DEFAULT 0,
  clean_epochs int NOT NULL DEFAULT 0,
  patience int NOT NULL DEFAULT 1,
  is_raised boolean NOT NULL DEFAULT false,
  PRIMARY KEY (provider_id, place)
) WITH (fillfactor = 50);

-- What a sliding log holds, in slices of time: permits of one slice leave it together.
CREATE TABLE dispatch.quota_slices (
  provider_id text NOT NULL,
  place int NOT NULL,
  slice bigint NOT NULL,
  used int NOT NULL,
  responses int NOT NULL DEFAULT 0,
  last_response_ms float8 NOT NULL DEFAULT 0,
  latest_ms float8 NOT NULL,
  frees_ms float8 NOT NULL,
  PRIMARY KEY (provider_id, place, slice)
) WITH (fillfactor = 50);

CREATE INDEX quota_slices_frees ON dispatch.quota_slices (provider_id, place, frees_ms);

-- Processes that ask for permits of a provider.
CREATE TABLE dispatch.permit_pods (
  provider_id text NOT NULL,
  pod uuid NOT NULL,
  seen_ms float8 NOT NULL,
  PRIMARY KEY (provider_id, pod)
) WITH (fillfactor = 50);

CREATE FUNCTION dispatch.is_aligned(kind text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT kind IN ('fixed-window', 'block-after-limit')
$$;

CREATE FUNCTION dispatch.is_anchored(kind text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT kind IN ('first-request-window', 'block-at-limit')
$$;

-- How many may be granted in an epoch. Where the last one granted blocks, it is not sent; unless it is the only one.
CREATE FUNCTION dispatch.cap_of(q dispatch.quotas) RETURNS int LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN q.kind = 'block-at-limit' AND q.estimate > 1 THEN q.estimate - 1 ELSE q.estimate END
$$;

-- When the next epoch may begin; null: when it is full, or nobody knows.
CREATE FUNCTION dispatch.next_epoch_ms(q dispatch.quotas) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  -- The last of them has arrived by then.
  arrived_ms float8 := CASE WHEN q.responses >= q.used THEN q.last_response_ms ELSE q.latest_ms END;
BEGIN
  IF dispatch.is_aligned(q.kind) THEN RETURN q.offset_ms + (q.epoch + 1) * q.window_ms; END IF;
  IF q.reset_ms IS NOT NULL THEN RETURN q.reset_ms; END IF;
  IF q.kind = 'count-then-block' THEN
    RETURN CASE WHEN q.used >= q.estimate THEN arrived_ms + q.block_ms END;
  END IF;
  IF q.kind = 'sliding-log' OR q.begun_ms IS NULL THEN RETURN NULL; END IF;
  IF q.kind = 'block-at-limit' AND dispatch.cap_of(q) = q.estimate THEN
    RETURN arrived_ms + greatest(q.window_ms, q.block_ms);
  END IF;
  -- The window began at the provider with the first request, which had arrived by then.
  RETURN coalesce(q.first_response_ms, q.latest_ms) + q.window_ms;
END $$;

-- What an epoch taught. One refused epoch may be chance; below the limit it is not. An estimate that was raised and
-- refused is tried less and less often.
CREATE FUNCTION dispatch.learn(q dispatch.quotas) RETURNS dispatch.quotas LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  accepted int := coalesce(q.accepted_at_refusal, q.used - q.refused);
BEGIN
  IF q.refused > 0 THEN
    q.refused_epochs := q.refused_epochs + 1;
    q.clean_epochs := 0;
    IF q.estimate < q.quota_limit OR q.refused_epochs >= 2 THEN
      q.estimate := greatest(1, least(q.estimate, accepted));
      IF q.is_raised THEN q.patience := least(64, q.patience * 2); END IF;
      q.is_raised := false;
    END IF;
  ELSE
    q.refused_epochs := 0;
    IF q.was_full AND q.estimate < q.quota_limit THEN
      IF q.is_raised THEN q.patience := 1; END IF;
      q.is_raised := false;
      q.clean_epochs := q.clean_epochs + 1;
      IF q.clean_epochs >= q.patience THEN
        q.estimate := q.estimate + 1;
        q.clean_epochs := 0;
        q.is_raised := true;
      END IF;
    END IF;
  END IF;
  q.refused := 0;
  q.was_full := false;
  q.accepted_at_refusal := NULL;
  RETURN q;
END $$;

-- The quota as it is at this time. Of a sliding log, an epoch is only what it learns by.
CREATE FUNCTION dispatch.at_time(q dispatch.quotas, t float8) RETURNS dispatch.quotas LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  number bigint := q.epoch + 1;
  carried int := 0;
BEGIN
  IF q.kind = 'sliding-log' THEN
    IF q.begun_ms IS NULL OR t < q.begun_ms + q.window_ms THEN RETURN q; END IF;
    q := dispatch.learn(q);
    q.begun_ms := t;
    RETURN q;
  END IF;
  IF dispatch.is_aligned(q.kind) THEN
    number := floor((t - q.offset_ms) / q.window_ms);
    IF number <= q.epoch THEN RETURN q; END IF;
    IF number = q.epoch + 1 THEN carried := q.used_next; END IF;
  ELSIF t < coalesce(dispatch.next_epoch_ms(q), 'infinity') THEN
    RETURN q;
  END IF;
  q := dispatch.learn(q);
  q.epoch := number;
  q.used := carried;
  q.used_next := 0;
  q.begun_ms := NULL;
  q.latest_ms := 0;
  q.first_response_ms := NULL;
  q.last_response_ms := 0;
  q.responses := 0;
  q.reset_ms := NULL;
  RETURN q;
END $$;

-- How many can be had, for how long they may be used, and when the next ones can be.
CREATE FUNCTION dispatch.room_of(
  q dispatch.quotas, guard_ms float8, t float8,
  OUT room int, OUT life_ms float8,
  -- They may arrive in this window or in the next one, and count in both.
  OUT is_at_edge boolean, OUT opens_ms float8
)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  cap int := dispatch.cap_of(q);
BEGIN
  is_at_edge := false;
  room := cap - q.used;
  life_ms := least(250, greatest(50, greatest(q.window_ms, q.block_ms) / 100));
  IF q.window_ms > 0 THEN life_ms := least(life_ms, q.window_ms / 4); END IF;
  IF dispatch.is_aligned(q.kind) THEN
    opens_ms := dispatch.next_epoch_ms(q);
    IF opens_ms - guard_ms - t < least(20, greatest(2, q.window_ms / 1000)) THEN
      is_at_edge := true;
      room := least(room, cap - q.used_next);
      IF q.used_next >= cap THEN opens_ms := opens_ms + q.window_ms; END IF;
    ELSE
      life_ms := opens_ms - guard_ms - t;
    END IF;
  ELSIF q.kind = 'sliding-log' THEN
    IF room <= 0 THEN
      SELECT s.frees_ms INTO opens_ms FROM dispatch.quota_slices s
      WHERE s.provider_id = q.provider_id AND s.place = q.place AND s.used > 0 ORDER BY s.frees_ms LIMIT 1;
    END IF;
  ELSE
    opens_ms := dispatch.next_epoch_ms(q);
    IF dispatch.is_anchored(q.kind) AND q.begun_ms IS NOT NULL THEN
      -- A later one could arrive after the window, and so begin the next one.
      life_ms := least(life_ms, q.begun_ms + q.window_ms - guard_ms - t);
      IF life_ms < 2 THEN room := 0; END IF;
    END IF;
  END IF;
  room := greatest(0, room);
END $$;

-- The guard band of a quota: never more than half of its window.
CREATE FUNCTION dispatch.guard_of(q dispatch.quotas, guard_ms float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN q.window_ms > 0 THEN least(guard_ms, q.window_ms / 2) ELSE guard_ms END
$$;

-- As at_time, for one that only looks: what a sliding log still holds is counted, not cleared away.
CREATE FUNCTION dispatch.now_of(q dispatch.quotas, t float8) RETURNS dispatch.quotas LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF q.kind = 'sliding-log' THEN
    SELECT coalesce(sum(s.used), 0) INTO q.used FROM dispatch.quota_slices s
    WHERE s.provider_id = q.provider_id AND s.place = q.place AND s.frees_ms > t;
  END IF;
  RETURN dispatch.at_time(q, t);
END $$;

-- What the file says, at each start of a process. What was counted stays, unless the quota is of another kind now.
CREATE FUNCTION dispatch.declare_provider(
  provider text, guard float8, probe float8,
  kinds text[], limits int[], windows float8[], blocks float8[], offsets float8[]
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  q dispatch.quotas;
  t float8;
BEGIN
  INSERT INTO dispatch.provider_states AS s (provider_id, guard_ms, probe_ms) VALUES (provider, guard, probe)
  ON CONFLICT (provider_id) DO UPDATE SET guard_ms = guard, probe_ms = probe;
  t := date_part('epoch', clock_timestamp()) * 1000;
  DELETE FROM dispatch.quotas o WHERE o.provider_id = provider
    AND (o.place > cardinality(kinds) OR o.kind <> kinds[o.place]);
  DELETE FROM dispatch.quota_slices s WHERE s.provider_id = provider
    AND NOT EXISTS (SELECT 1 FROM dispatch.quotas o WHERE o.provider_id = provider AND o.place = s.place);
  FOR i IN 1 .. cardinality(kinds) LOOP
    -- Numbers of counts begin with the time, so that those of a count before are never met again.
    INSERT INTO dispatch.quotas (
      provider_id, place, kind, quota_limit, window_ms, block_ms, offset_ms, estimate, epoch
    ) VALUES (
      provider, i, kinds[i], limits[i], windows[i], blocks[i], offsets[i], limits[i],
      CASE WHEN dispatch.is_aligned(kinds[i]) THEN floor((t - offsets[i]) / windows[i]) ELSE floor(t) END
    )
    ON CONFLICT (provider_id, place) DO NOTHING;
    SELECT * INTO q FROM dispatch.quotas WHERE provider_id = provider AND place = i;
    IF q.quota_limit <> limits[i] THEN
      q.estimate := CASE WHEN q.estimate = q.quota_limit THEN limits[i] ELSE least(q.estimate, limits[i]) END;
    END IF;
    IF dispatch.is_aligned(q.kind) AND (q.window_ms <> windows[i] OR q.offset_ms <> offsets[i]) THEN
      q := dispatch.at_time(q, t);
      q.epoch := floor((t - offsets[i]) / windows[i]);
    END IF;
    UPDATE dispatch.quotas SET quota_limit = limits[i], estimate = q.estimate, epoch = q.epoch, used = q.used,
      used_next = q.used_next, window_ms = windows[i], block_ms = blocks[i], offset_ms = offsets[i]
    WHERE provider_id = provider AND place = i;
  END LOOP;
END $$;

-- The quotas of a provider as they are at this time; what a sliding log holds no more is cleared away.
CREATE FUNCTION dispatch.quotas_at(provider text, t float8) RETURNS dispatch.quotas[] LANGUAGE plpgsql AS $$
DECLARE
  q dispatch.quotas;
  qs dispatch.quotas[] := '{}';
  freed int;
BEGIN
  FOR q IN SELECT * FROM dispatch.quotas WHERE provider_id = provider ORDER BY place LOOP
    IF q.kind = 'sliding-log' THEN
      WITH gone AS (
        DELETE FROM dispatch.quota_slices s
        WHERE s.provider_id = provider AND s.place = q.place AND s.frees_ms <= t RETURNING s.used
      ) SELECT coalesce(sum(gone.used), 0) INTO freed FROM gone;
      q.used := q.used - freed;
    END IF;
    qs := qs || dispatch.at_time(q, t);
  END LOOP;
  RETURN qs;
END $$;

-- The quotas of a provider after it was told what became of permits; see exchange_permits.
CREATE FUNCTION dispatch.settle(
  qs dispatch.quotas[], t float8, epochs bigint[], lasts bigint[],
  returned int[], responded int[], refused int[], first_ages float8[], last_ages float8[]
) RETURNS dispatch.quotas[] LANGUAGE plpgsql AS $$
DECLARE
  q dispatch.quotas;
  n int := cardinality(qs);
  at_place int;
  back int;
BEGIN
  FOR k IN 1 .. cardinality(returned) LOOP
    FOR i IN 1 .. n LOOP
      q := qs[i];
      at_place := (k - 1) * n + i;
      IF q.kind = 'sliding-log' THEN
        -- What was refused is not in the provider's log.
        UPDATE dispatch.quota_slices s SET
          used = s.used - returned[k] - refused[k],
          responses = s.responses + responded[k],
          last_response_ms = greatest(s.last_response_ms, t - last_ages[k]),
          frees_ms = CASE
            WHEN s.responses + responded[k] >= s.used - returned[k] - refused[k]
            THEN least(s.frees_ms, greatest(s.last_response_ms, t - last_ages[k]) + q.window_ms)
            ELSE s.frees_ms END
        WHERE s.provider_id = q.provider_id AND s.place = i AND s.slice = epochs[at_place]
          AND s.used >= returned[k] + refused[k];
        IF FOUND THEN q.used := q.used - returned[k] - refused[k]; END IF;
        IF refused[k] > 0 THEN
          q.refused := q.refused + refused[k];
          q.accepted_at_refusal := q.used;
        END IF;
      ELSIF q.epoch BETWEEN epochs[at_place] AND lasts[at_place] THEN
        back := least(returned[k], q.used);
        q.used := q.used - back;
        IF lasts[at_place] > q.epoch THEN q.used_next := greatest(0, q.used_next - back); END IF;
        q.refused := q.refused + refused[k];
        IF responded[k] > 0 THEN
          q.responses := q.responses + responded[k];
          q.first_response_ms := least(q.first_response_ms, t - first_ages[k]);
          q.last_response_ms := greatest(q.last_response_ms, t - last_ages[k]);
        END IF;
        -- If none of its requests was sent, it has not begun.
        IF q.used = 0 THEN
          q.begun_ms := NULL;
          q.latest_ms := 0;
        END IF;
      END IF;
      qs[i] := q;
    END LOOP;
  END LOOP;
  RETURN qs;
END $$;

-- The state of a provider after a refusal, which the quota caused (null: there is none); see exchange_permits.
CREATE FUNCTION dispatch.refuse(
  state dispatch.provider_states, q dispatch.quotas, t float8,
  refused_episode bigint, refused_age float8, retry_ms float8
) RETURNS dispatch.provider_states LANGUAGE plpgsql AS $$
DECLARE
  ends_ms float8 := t + retry_ms;
BEGIN
  IF refused_episode = state.episode THEN
    state.strikes := state.strikes + 1;
    state.probe_ends_ms := 0;
    IF ends_ms IS NULL AND state.strikes = 1 THEN
      ends_ms := CASE
        WHEN q.block_ms > 0 THEN t - refused_age + q.block_ms
        WHEN q.kind = 'fixed-window' THEN
          q.offset_ms + (floor((t - refused_age - q.offset_ms) / q.window_ms) + 1) * q.window_ms
        WHEN q.kind = 'first-request-window' THEN
          coalesce(q.first_response_ms, least(q.latest_ms, t)) + q.window_ms
      END;
    END IF;
    state.is_length_known := ends_ms IS NOT NULL;
    state.must_probe := state.strikes >= 2 OR ends_ms IS NULL;
    IF ends_ms IS NULL THEN
      ends_ms := t + least(60000, 1000 * 2 ^ (least(state.strikes, 10) - 1)) * (0.75 + 0.5 * random());
    END IF;
    state.episode := state.episode + 1;
  END IF;
  state.is_length_known := state.is_length_known OR retry_ms IS NOT NULL;
  state.blocked_until_ms := greatest(state.blocked_until_ms, ends_ms);
  RETURN state;
END $$;

-- One exchange between a process and the ledger: tells what became of permits, and takes new ones. One round trip, one
-- commit.
--
-- Permits that were granted together are told of together, as one item of the arrays; `epochs` and `lasts` hold for each
-- item one value for each quota (the epochs in which it counts, from the first to the last). Ages are milliseconds before now, measured by the
-- process.
CREATE FUNCTION dispatch.exchange_permits(
  provider text, pod_id uuid,
  -- Requests that wait for a permit; how many more would be used soon; requests sent without asking.
  waiting int, surplus int, unasked int,
  width int, epochs bigint[], lasts bigint[],
  returned int[], responded int[], refused int[], first_ages float8[], last_ages float8[],
  -- The latest episode in which a request was refused, how long ago, and for how long from now; null: it was not said.
  refused_episode bigint, refused_age float8, retry_ms float8,
  -- The latest episode in which one was taken; that of a probe that was not sent.
  accepted_episode bigint, unsent_probe_episode bigint,
  OUT granted int,
  -- From now.
  OUT life_ms float8,
  OUT grant_epochs float8[], OUT grant_lasts float8[], OUT grant_episode float8, OUT is_probe boolean,
  -- Requests that are taken are to be told of.
  OUT is_suspect boolean,
  -- Why not all were granted; when more can be had, and for how long it is no use to ask.
  OUT reason text, OUT opens_in_ms float8, OUT hold_ms float8, OUT spent_used int, OUT spent_limit int
)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
  state dispatch.provider_states;
  q dispatch.quotas;
  qs dispatch.quotas[];
  n int;
  t float8;
  today int;
  pods int := 1;
  seen float8;
  room int := 1000000000;
  opens_ms float8;
  guard float8;
  may_have_surplus boolean := true;
  here record;
  culprit int;
BEGIN
  SELECT * INTO state FROM dispatch.provider_states WHERE provider_id = provider FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'provider % is not declared', provider; END IF;
  -- Read under the lock, so that it does not run against the order of the changes.
  t := greatest(date_part('epoch', clock_timestamp()) * 1000, state.at_ms);
  state.at_ms := t;
  today := floor(t / 86400000);
  IF today <> state.day THEN
    state.day := today;
    state.requests := 0;
    state.refusals := 0;
  END IF;

  qs := dispatch.quotas_at(provider, t);
  n := cardinality(qs);

  -- What became of permits.
  IF cardinality(returned) > 0 AND width = n THEN
    qs := dispatch.settle(qs, t, epochs, lasts, returned, responded, refused, first_ages, last_ages);
    SELECT greatest(0, state.requests - sum(told.returned)), state.refusals + sum(told.refused)
    INTO state.requests, state.refusals FROM unnest(returned, refused) AS told (returned, refused);
  END IF;
  IF accepted_episode = state.episode THEN
    state.strikes := 0;
    state.must_probe := false;
    state.probe_ends_ms := 0;
  END IF;
  IF unsent_probe_episode = state.episode THEN state.probe_ends_ms := 0; END IF;

  -- A refusal. Of several quotas the fullest is held to be the cause.
  IF refused_episode IS NOT NULL THEN
    SELECT i INTO culprit FROM generate_series(1, n) i
    ORDER BY (qs[i]).used::float8 / dispatch.cap_of(qs[i]) DESC, i LIMIT 1;
    q := qs[culprit];
    state := dispatch.refuse(state, q, t, refused_episode, refused_age, retry_ms);
    -- These begin anew after a block, at the provider as here.
    IF state.blocked_until_ms > t AND (dispatch.is_anchored(q.kind) OR q.kind = 'count-then-block') THEN
      q.reset_ms := greatest(state.blocked_until_ms, q.latest_ms);
      qs[culprit] := q;
    END IF;
  END IF;

  -- What can be had.
  life_ms := CASE WHEN n = 0 THEN 60000 END;
  FOR i IN 1 .. n LOOP
    here := dispatch.room_of(qs[i], dispatch.guard_of(qs[i], state.guard_ms), t);
    room := least(room, here.room);
    life_ms := least(life_ms, here.life_ms);
    may_have_surplus := may_have_surplus AND NOT here.is_at_edge;
  END LOOP;

  granted := least(waiting, room);
  is_probe := false;
  IF t < state.blocked_until_ms THEN
    granted := 0;
    reason := 'blocked';
    hold_ms := least(state.blocked_until_ms - t, 1000);
    IF state.is_length_known THEN opens_in_ms := state.blocked_until_ms - t; END IF;
  ELSIF room = 0 THEN
    reason := 'spent';
  ELSIF state.must_probe THEN
    reason := 'probing';
    hold_ms := 100;
    is_probe := waiting > 0 AND t >= state.probe_ends_ms;
    granted := CASE WHEN is_probe THEN 1 ELSE 0 END;
    life_ms := least(life_ms, 250);
    IF is_probe THEN state.probe_ends_ms := t + state.probe_ms; END IF;
  ELSIF granted < waiting THEN
    reason := 'spent';
  END IF;
  IF reason IS NULL AND may_have_surplus AND surplus > 0 AND room > granted THEN
    SELECT greatest(1, count(*)) INTO pods FROM dispatch.permit_pods p
    WHERE p.provider_id = provider AND p.seen_ms > t - 5000;
    granted := granted + least(surplus, (room - granted) / (2 * pods));
  END IF;
  is_suspect := state.strikes > 0;
  grant_episode := state.episode;

  -- Kept.
  FOR i IN 1 .. n LOOP
    q := qs[i];
    IF granted > 0 THEN
      guard := dispatch.guard_of(q, state.guard_ms);
      q.used := q.used + granted;
      q.begun_ms := coalesce(q.begun_ms, t);
      q.latest_ms := greatest(q.latest_ms, t + life_ms + guard);
      q.was_full := q.was_full OR q.used >= dispatch.cap_of(q);
      grant_epochs[i] := q.epoch;
      grant_lasts[i] := q.epoch;
      IF dispatch.is_aligned(q.kind) AND t + life_ms + guard > dispatch.next_epoch_ms(q) + 0.001 THEN
        q.used_next := q.used_next + granted;
        grant_lasts[i] := q.epoch + 1;
      ELSIF q.kind = 'sliding-log' THEN
        grant_epochs[i] := floor(t / greatest(1, q.window_ms / 1000));
        INSERT INTO dispatch.quota_slices AS s (provider_id, place, slice, used, latest_ms, frees_ms)
        VALUES (provider, i, grant_epochs[i], granted, q.latest_ms, q.latest_ms + q.window_ms)
        ON CONFLICT (provider_id, place, slice) DO UPDATE
        SET used = s.used + granted, latest_ms = excluded.latest_ms, frees_ms = excluded.frees_ms;
      END IF;
    END IF;
    UPDATE dispatch.quotas SET estimate = q.estimate, epoch = q.epoch, used = q.used, used_next = q.used_next,
      begun_ms = q.begun_ms, latest_ms = q.latest_ms, first_response_ms = q.first_response_ms,
      last_response_ms = q.last_response_ms, responses = q.responses, reset_ms = q.reset_ms,
      refused = q.refused, was_full = q.was_full, accepted_at_refusal = q.accepted_at_refusal,
      refused_epochs = q.refused_epochs, clean_epochs = q.clean_epochs, patience = q.patience,
      is_raised = q.is_raised
    WHERE provider_id = provider AND place = i;
    IF reason = 'spent' THEN
      here := dispatch.room_of(q, dispatch.guard_of(q, state.guard_ms), t);
      -- All must have room: it opens when the last of them does.
      IF here.room = 0 AND (spent_limit IS NULL OR here.opens_ms > opens_ms) THEN
        opens_ms := here.opens_ms;
        spent_used := q.used;
        spent_limit := dispatch.cap_of(q);
      END IF;
    END IF;
  END LOOP;
  IF reason = 'spent' THEN
    IF opens_ms IS NOT NULL THEN opens_in_ms := greatest(0, opens_ms - t); END IF;
    -- Permits may come back, so it is asked again before; the more seldom, the longer it will be closed.
    hold_ms := least(opens_in_ms, greatest(25, least(1000, coalesce(opens_in_ms, 10000) / 200)));
  END IF;
  UPDATE dispatch.provider_states SET at_ms = t, blocked_until_ms = state.blocked_until_ms,
    must_probe = state.must_probe, is_length_known = state.is_length_known,
    probe_ends_ms = state.probe_ends_ms, strikes = state.strikes, episode = state.episode, day = state.day,
    requests = state.requests + granted + unasked, refusals = state.refusals
  WHERE provider_id = provider;

  SELECT p.seen_ms INTO seen FROM dispatch.permit_pods p WHERE p.provider_id = provider AND p.pod = pod_id;
  IF coalesce(seen, 0) < t - 1000 THEN
    INSERT INTO dispatch.permit_pods VALUES (provider, pod_id, t)
    ON CONFLICT (provider_id, pod) DO UPDATE SET seen_ms = t;
    DELETE FROM dispatch.permit_pods p WHERE p.provider_id = provider AND p.seen_ms < t - 60000;
  END IF;
END $$;

-- All providers and their quotas as they are now; changes nothing.
CREATE FUNCTION dispatch.permit_states() RETURNS TABLE (
  provider_id text, state text, opens_ms float8, requests_today int, refusals_today int,
  place int, kind text, quota_limit int, estimate int, used int, epoch float8, resets_ms float8
)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
  s dispatch.provider_states;
  q dispatch.quotas;
  t float8;
  here record;
BEGIN
  FOR s IN SELECT * FROM dispatch.provider_states ORDER BY provider_id LOOP
    t := greatest(date_part('epoch', clock_timestamp()) * 1000, s.at_ms);
    provider_id := s.provider_id;
    requests_today := CASE WHEN s.day = floor(t / 86400000) THEN s.requests ELSE 0 END;
    refusals_today := CASE WHEN s.day = floor(t / 86400000) THEN s.refusals ELSE 0 END;
    state := 'open';
    opens_ms := NULL;
    IF t < s.blocked_until_ms THEN
      state := 'blocked';
      IF s.is_length_known THEN opens_ms := s.blocked_until_ms; END IF;
    ELSIF s.must_probe THEN
      state := 'probing';
    ELSE
      FOR q IN SELECT * FROM dispatch.quotas o WHERE o.provider_id = s.provider_id LOOP
        here := dispatch.room_of(dispatch.now_of(q, t), dispatch.guard_of(q, s.guard_ms), t);
        IF here.room = 0 THEN
          opens_ms := CASE WHEN state = 'open' THEN here.opens_ms ELSE greatest(opens_ms, here.opens_ms) END;
          state := 'spent';
        END IF;
      END LOOP;
    END IF;
    place := NULL;
    FOR q IN SELECT * FROM dispatch.quotas o WHERE o.provider_id = s.provider_id ORDER BY o.place LOOP
      q := dispatch.now_of(q, t);
      place := q.place;
      kind := q.kind;
      quota_limit := q.quota_limit;
      estimate := q.estimate;
      used := q.used;
      epoch := q.epoch;
      resets_ms := dispatch.next_epoch_ms(q);
      RETURN NEXT;
    END LOOP;
    IF place IS NULL THEN RETURN NEXT; END IF;
  END LOOP;
END $$;
