-- What is known of people beside their sign-ins: a name, when they last signed
-- in, and when somebody took their seat away. `search_text` is what they are
-- searched by, in lower case; nodes of the version before leave it out.
ALTER TABLE users ADD COLUMN name TEXT;
ALTER TABLE users ADD COLUMN search_text TEXT;
ALTER TABLE users ADD COLUMN updated_at BIGINT;
ALTER TABLE users ADD COLUMN signed_in_at BIGINT;
ALTER TABLE users ADD COLUMN seat_removed_at BIGINT;
UPDATE users SET signed_in_at = last_seen_at WHERE identity IS NOT NULL;

-- Through which provider somebody came.
ALTER TABLE access_requests ADD COLUMN idp_id TEXT;
CREATE INDEX access_requests_by_user ON access_requests (user_id, created_at);
