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
        if raw.mode == Mode::Production {
            findings.error(proxy.line, "the proxy imitates other hosts, which is for mode = \"emulator\"; remove it");
        } else if !proxy.value.ip().is_loopback() {
            findings.error(proxy.line, "others could go anywhere through this proxy; let it listen on 127.0.0.1");
        }
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
        if !address.value.ip().is_loopback() && !raw.emulator.beyond_loopback {
            let text = "whoever reaches an emulator can be anybody; listen on 127.0.0.1 or, where a container keeps \
                        it apart, say it twice: add [emulator] with beyond_loopback = true";
            findings.error(address.line, text);
        }
    }
}
