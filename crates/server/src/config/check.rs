//! Whether the parts of a configuration fit together. Each check notes
//! everything it finds; none of them stops another.

mod addresses;
mod outside;
mod production;
mod references;

use super::problem::Findings;
use super::raw::RawFile;
use super::resolved::{Config, Mode};

/// The checks that need lines, on the file as written.
pub(super) fn written(raw: &RawFile, findings: &Findings) {
    addresses::check(raw, findings);
    outside::check(raw, findings);
    references::check(raw, findings);
    match raw.mode {
        Mode::Production => production::check(raw, findings),
        Mode::Emulator => emulator(raw, findings),
    }
    if let Some(proxy) = &raw.listen.proxy {
        findings.error(proxy.line, "this version has no CONNECT proxy; remove proxy");
    }
}

/// The checks that need every reference resolved.
pub(super) fn resolved(config: &Config, lines: &references::Lines, findings: &Findings) {
    references::check_cycles(config, lines, findings);
}

pub(super) use self::references::Lines;

fn emulator(raw: &RawFile, findings: &Findings) {
    if raw.users.is_empty() && raw.idps.is_empty() {
        findings.warning(1, "nobody is named to sign in as; add a [[user]] with an email");
    }
    for address in [&raw.listen.public, &raw.listen.admin].into_iter().flatten() {
        if !address.value.ip().is_loopback() {
            let text =
                "whoever reaches an emulator can be anybody; listen on 127.0.0.1, unless a container keeps it apart";
            findings.warning(address.line, text);
        }
    }
}
