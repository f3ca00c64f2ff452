-- What is configured: applications, policies, groups, providers, tokens,
-- routes. A document has the shape of Cloudflare's API and no secret in it;
-- what else belongs to the object is in `extension` (JSON) and `sealed`.
-- The owner, `file` or `api`, says who may change it. What was removed stays
-- for a while as a row that says so, so that every node hears of it.
CREATE TABLE objects (
    kind       TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    owner      TEXT   NOT NULL,
    document   TEXT   NOT NULL,
    extension  TEXT   NOT NULL,
    sealed     TEXT,
    removed    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX objects_by_seq ON objects (seq);

-- Whoever changes objects names the number they were seen at, and is refused
-- when it is another by then. So what must be unique, and what refers to what,
-- is checked against exactly the state that is changed.
INSERT INTO sequences (name, value) VALUES ('objects', 0);
