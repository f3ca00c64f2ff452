-- Who changed what of the configuration: the document before and after it,
-- without secrets, and what came of it. Written with the change itself.
CREATE TABLE audit_log (
    id            TEXT   NOT NULL PRIMARY KEY,
    created_at    BIGINT NOT NULL,
    interface     TEXT   NOT NULL,
    author_id     TEXT   NOT NULL,
    author_name   TEXT   NOT NULL,
    author_ip     TEXT,
    action        TEXT   NOT NULL,
    done          BIGINT NOT NULL,
    resource_kind TEXT   NOT NULL,
    resource_id   TEXT   NOT NULL,
    before_change TEXT,
    after_change  TEXT,
    more          TEXT   NOT NULL
);
CREATE INDEX audit_log_by_time ON audit_log (created_at);
