-- For which of the archives that the journal knows; nothing where only its place is known.
DO $do$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = '@s@.archived'::regclass AND attname = 'part' AND NOT attisdropped) THEN
    ALTER TABLE @s@.archived ADD COLUMN part bigint;
  END IF;
END $do$;
