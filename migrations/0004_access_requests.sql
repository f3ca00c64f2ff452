-- Authentication decisions, as the management API's log of them shows: who
-- was let in to what, who was refused, who signed out. Kept for a while.
CREATE TABLE access_requests (
    id           TEXT   NOT NULL PRIMARY KEY,
    created_at   BIGINT NOT NULL,
    action       TEXT   NOT NULL,
    allowed      BIGINT NOT NULL,
    user_email   TEXT   NOT NULL,
    user_id      TEXT,
    ip_address   TEXT   NOT NULL,
    country      TEXT,
    app_uid      TEXT,
    app_domain   TEXT   NOT NULL,
    connection   TEXT   NOT NULL,
    ray_id       TEXT   NOT NULL,
    non_identity BIGINT NOT NULL,
    detail       TEXT   NOT NULL
);
CREATE INDEX access_requests_by_time ON access_requests (created_at);
CREATE INDEX access_requests_by_email ON access_requests (user_email, created_at);
CREATE INDEX access_requests_by_ray ON access_requests (ray_id);
