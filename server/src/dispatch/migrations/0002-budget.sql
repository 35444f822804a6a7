-- What is spent on providers, in millionths of the currency. Days are numbered since 1970 (UTC, by this database's clock).
--
-- A change of a day first locks its row of spend_days; of several days, the earlier ones first. So caps are exact however
-- many processes spend, and two changes cannot wait for each other.

CREATE TABLE dispatch.spend_days (
  day int PRIMARY KEY,
  spent_micros bigint NOT NULL DEFAULT 0,
  -- Set aside by processes for while the database is away. Counts as spent: nobody knows whether a process that died spent it.
  reserved_micros bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE dispatch.spend_by_provider (
  day int NOT NULL,
  provider_id text NOT NULL,
  spent_micros bigint NOT NULL,
  PRIMARY KEY (day, provider_id)
) WITH (fillfactor = 50);

CREATE TABLE dispatch.spend_by_user (
  day int NOT NULL,
  user_id text NOT NULL,
  spent_micros bigint NOT NULL,
  PRIMARY KEY (day, user_id)
) WITH (fillfactor = 70);

-- What each process has set aside and not spent.
CREATE TABLE dispatch.away_reserves (
  process uuid PRIMARY KEY,
  day int NOT NULL,
  micros bigint NOT NULL
);

-- Corrections that were made: one that is told again, because its answer was lost, is not made twice.
CREATE TABLE dispatch.spend_corrections (
  batch uuid PRIMARY KEY,
  day int NOT NULL
);

CREATE FUNCTION dispatch.add_spending(on_day int, spender text, provider text, amount bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE dispatch.spend_days SET spent_micros = spent_micros + amount WHERE day = on_day;
  INSERT INTO dispatch.spend_by_provider AS s VALUES (on_day, provider, amount)
  ON CONFLICT (day, provider_id) DO UPDATE SET spent_micros = s.spent_micros + amount;
  INSERT INTO dispatch.spend_by_user AS s VALUES (on_day, spender, amount)
  ON CONFLICT (day, user_id) DO UPDATE SET spent_micros = s.spent_micros + amount;
END $$;

-- One exchange of a process with the ledger: corrects what it has spent, then spends, each item if no cap is passed. One
-- round trip, one commit.
CREATE FUNCTION dispatch.exchange_spending(
  process_id uuid,
  -- Null: no cap.
  day_cap bigint, user_cap bigint,
  -- To be set aside.
  reserve_micros bigint,
  -- Distinct for each set of corrections; null: there are none.
  batch_id uuid,
  -- Below zero: not spent after all.
  corrected_days int[], corrected_users text[], corrected_providers text[], corrected_amounts bigint[],
  -- Spent out of what was set aside.
  are_of_reserve boolean[],
  users text[], providers text[], amounts bigint[],
  OUT today int, OUT ends_in_ms float8,
  -- What is set aside now.
  OUT set_aside bigint,
  -- Of each item: empty, or the cap that is in its way.
  OUT caps text[]
)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
  t float8 := date_part('epoch', clock_timestamp()) * 1000;
  known dispatch.spend_days;
  reserve dispatch.away_reserves;
  by_user bigint;
  wanted bigint;
BEGIN
  today := floor(t / 86400000);
  ends_in_ms := (today + 1) * 86400000.0 - t;
  INSERT INTO dispatch.spend_days (day) VALUES (today) ON CONFLICT DO NOTHING;
  IF FOUND THEN
    DELETE FROM dispatch.spend_days WHERE day < today - 400;
    DELETE FROM dispatch.spend_by_provider WHERE day < today - 400;
    DELETE FROM dispatch.spend_by_user WHERE day < today - 400;
    DELETE FROM dispatch.away_reserves WHERE day < today - 7;
    DELETE FROM dispatch.spend_corrections WHERE day < today - 7;
  END IF;
  SELECT * INTO reserve FROM dispatch.away_reserves WHERE process = process_id;
  reserve.micros := coalesce(reserve.micros, 0);
  PERFORM 1 FROM dispatch.spend_days
  WHERE day = today OR day = reserve.day OR day = ANY (corrected_days) ORDER BY day FOR UPDATE;

  IF batch_id IS NOT NULL THEN
    INSERT INTO dispatch.spend_corrections VALUES (batch_id, today) ON CONFLICT DO NOTHING;
    IF FOUND THEN
      FOR i IN 1 .. cardinality(corrected_days) LOOP
        PERFORM dispatch.add_spending(
          corrected_days[i], corrected_users[i], corrected_providers[i], corrected_amounts[i]);
        IF are_of_reserve[i] AND corrected_days[i] = reserve.day THEN
          reserve.micros := reserve.micros - corrected_amounts[i];
          UPDATE dispatch.spend_days SET reserved_micros = reserved_micros - corrected_amounts[i]
          WHERE day = reserve.day;
        END IF;
      END LOOP;
    END IF;
  END IF;

  IF reserve.day < today THEN
    UPDATE dispatch.spend_days SET reserved_micros = reserved_micros - reserve.micros WHERE day = reserve.day;
    reserve.micros := 0;
  END IF;

  SELECT * INTO known FROM dispatch.spend_days WHERE day = today;
  caps := array_fill(''::text, ARRAY[cardinality(users)]);
  FOR i IN 1 .. cardinality(users) LOOP
    IF known.spent_micros + known.reserved_micros + amounts[i] > day_cap THEN
      caps[i] := 'day';
      CONTINUE;
    END IF;
    IF user_cap IS NOT NULL THEN
      SELECT s.spent_micros INTO by_user FROM dispatch.spend_by_user s WHERE s.day = today AND s.user_id = users[i];
      IF coalesce(by_user, 0) + amounts[i] > user_cap THEN
        caps[i] := 'user';
        CONTINUE;
      END IF;
    END IF;
    INSERT INTO dispatch.spend_by_user AS s VALUES (today, users[i], amounts[i])
    ON CONFLICT (day, user_id) DO UPDATE SET spent_micros = s.spent_micros + amounts[i];
    known.spent_micros := known.spent_micros + amounts[i];
  END LOOP;
  -- Once for all items: each update of a row in one transaction makes the next one slower.
  INSERT INTO dispatch.spend_by_provider AS s
  SELECT today, item.provider_id, sum(item.amount) FROM unnest(providers, amounts, caps) AS item (provider_id, amount, cap)
  WHERE item.cap = '' GROUP BY item.provider_id
  ON CONFLICT (day, provider_id) DO UPDATE SET spent_micros = s.spent_micros + excluded.spent_micros;

  -- After the requests that are there: what is set aside is for those that may come. Below zero: given back.
  wanted := reserve_micros - reserve.micros;
  IF day_cap IS NOT NULL THEN
    wanted := least(wanted, greatest(0, day_cap - known.spent_micros - known.reserved_micros));
  END IF;
  set_aside := reserve.micros + wanted;
  UPDATE dispatch.spend_days SET spent_micros = known.spent_micros, reserved_micros = reserved_micros + wanted
  WHERE day = today;
  IF reserve.process IS NULL THEN
    IF set_aside > 0 THEN INSERT INTO dispatch.away_reserves VALUES (process_id, today, set_aside); END IF;
  ELSIF set_aside = 0 AND reserve_micros = 0 THEN
    DELETE FROM dispatch.away_reserves WHERE process = process_id;
  ELSE
    UPDATE dispatch.away_reserves SET day = today, micros = set_aside WHERE process = process_id;
  END IF;
END $$;
