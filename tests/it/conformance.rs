//! What Access does, from outside: tests named after the rows of the table in
//! docs/parity.md, beside those in other files that the table names.

mod api;
mod pages;
mod policies;
mod requests;
mod sessions;
mod tokens;

use crate::support::config::{Config, app, route};
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::world::World;

/// A host of its own, for the applications of these tests.
const HOST: &str = "rows.localhost";

/// An application's policies: whoever signed in.
const EVERYBODY: &str = "policies = [{ name = \"All\", decision = \"allow\", include = [{ everyone = {} }] }]";

/// The standard topology and one application more, `Row` on [`HOST`], with these lines; and more tables.
async fn with_app(lines: &str, tables: &str) -> World {
    changed(|config| config, &format!("{}{tables}", app("Row", HOST, lines))).await
}

/// The standard topology after a change, with [`HOST`] routed to the origin.
async fn changed(change: impl FnOnce(Config) -> Config, tables: &str) -> World {
    let origin = Origin::start().await;
    let config = change(Config::standard(&origin)).and(&route(HOST, &origin.url())).and(tables);
    World { gateway: Gateway::serve(&config).await, origin }
}
