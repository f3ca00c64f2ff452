//! What is configured in an account, carried over into another form: into the
//! configuration file of Doorward, and into HCL for Terraform. Pure; asking the account is left to the
//! command line, and whether the file holds together to the configuration.
//!
//! Whatever cannot be carried over is told, and closes where it could open:
//! a rule that is lost never lets anybody in.

mod account;
mod file;
mod report;
mod terraform;

pub use account::Account;
pub use file::{Carried, Mode, carried};
pub use report::{Left, Like, Placeholder, plain};
pub use terraform::{Exported, terraform};
