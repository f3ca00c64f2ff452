//! What the file names outside itself: the certificate, which must be one and
//! of the hosts that are served, the access log, which must have a folder, the
//! database of countries, and the store, whose URL must be one that `serve` can
//! open.

use super::super::problem::Findings;
use super::super::raw::RawFile;
use super::addresses::reached_at;
use crate::tls::{self, TlsError};

pub(super) fn check(raw: &RawFile, findings: &Findings) {
    certificate(raw, findings);
    access_log(raw, findings);
    geo_database(raw, findings);
    if let Some(url) = raw.store_url.value()
        && let Err(error) = doorward_store::check_url(&url.value)
    {
        findings.error(url.line, error.to_string());
    }
}

fn geo_database(raw: &RawFile, findings: &Findings) {
    let Some(path) = &raw.geo_database else { return };
    if let Err(error) = doorward_edge::Database::read(&path.value) {
        let mend = "name a country or city database in MaxMind's format (.mmdb)";
        findings.error(path.line, format!("database: {} cannot be used ({error}); {mend}", path.value.display()));
    }
}

fn access_log(raw: &RawFile, findings: &Findings) {
    let Some((path, line)) = raw.log.file() else { return };
    let folder = path.parent().filter(|folder| !folder.is_dir());
    if let Some(folder) = folder {
        findings.error(line, format!("access: there is no folder {}; make it", folder.display()));
    } else if path.is_dir() {
        findings.error(line, format!("access: {} is a folder; name a file in it", path.display()));
    }
}

fn certificate(raw: &RawFile, findings: &Findings) {
    let Some(written) = &raw.listen.tls else { return };
    let files = written.files();
    match tls::pair(&files) {
        Ok(pair) => {
            let exact = raw.apps.iter().flat_map(|app| &app.domains).map(|at| &at.value.host);
            let exact = exact.filter(|host| host.is_exact()).map(|host| host.as_str().to_owned());
            let mut strange: Vec<String> =
                exact.chain(reached_at(raw)).filter(|host| !tls::is_for(&pair, host)).collect();
            strange.sort_unstable();
            strange.dedup();
            if !strange.is_empty() {
                let hosts = strange.join(", ");
                let text = format!("browsers refuse {} for {hosts}; have it made for them too", files.cert.display());
                findings.warning(written.cert.line, text);
            }
        }
        Err(error) => {
            let is_key = matches!(&error, TlsError::File { path, .. } if *path == files.key && files.key != files.cert);
            findings.error(if is_key { written.key.line } else { written.cert.line }, error.to_string());
        }
    }
    if tls::is_open_to_all(&files.key) {
        let text = format!("everybody on this machine can read {}; change its mode to 600", files.key.display());
        findings.warning(written.key.line, text);
    }
}
