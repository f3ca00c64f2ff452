//! The API from outside, on a store of its own: what callers get, and what
//! decides about requests afterwards.

mod access;
mod api_tokens;
mod app_policies;
mod apps;
mod audit_logs;
mod certificates;
mod custom_pages;
mod door;
mod groups;
mod identity_providers;
mod keys;
mod lists;
mod openapi;
mod operations;
mod organizations;
mod policies;
mod policy_tests;
mod provisioning;
mod rules;
mod saas;
mod scim;
mod service_tokens;
mod ssh_cas;
mod tags;
mod terraform;
mod users;
mod zones;
