-- When each service token was last used, to the minute.
CREATE TABLE service_token_uses (
    id           TEXT   NOT NULL PRIMARY KEY,
    last_seen_at BIGINT NOT NULL
);
