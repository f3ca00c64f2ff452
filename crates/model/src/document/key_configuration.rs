//! How long one signing key signs.

use serde::{Deserialize, Serialize};

/// The one object of its kind has this in the place of an id.
pub const KEY_CONFIGURATION: &str = "keys";

/// `…/access/keys`, as far as somebody decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyConfigurationDocument {
    pub key_rotation_interval_days: u32,
}
