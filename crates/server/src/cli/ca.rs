//! `doorward ca`: the local certificate authority, to look at, to hand to
//! clients, and to be trusted by this machine.

use std::path::Path;
use std::process::{Command, ExitCode};

use clap::{Args, Subcommand};

use super::{complain, say};
use crate::authority::{self, Kept};
use crate::config::seed;

#[derive(Debug, Args)]
pub(super) struct CaArgs {
    #[command(subcommand)]
    what: What,
    /// The authority of this seed instead of this user's own; whoever knows the seed has its key
    #[arg(long, value_name = "TEXT", value_parser = seed, global = true)]
    seed: Option<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Its certificate in PEM
    Print,
    /// The system's roots and its certificate in PEM, for SSL_CERT_FILE and its like
    Bundle,
    /// Makes this machine trust it
    Install {
        /// Says what would be done, and does nothing
        #[arg(long)]
        dry_run: bool,
        /// Trusts an authority whose key everybody has who knows the seed: for containers alone
        #[arg(long, requires = "seed")]
        trust_seed: bool,
    },
}

pub(super) fn run(args: &CaArgs) -> ExitCode {
    let kept = match authority::kept(args.seed.as_deref()) {
        Ok(kept) => kept,
        Err(error) => {
            complain(&format!("doorward ca: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match &args.what {
        What::Print => say(kept.authority.pem().trim_end()),
        What::Bundle => say(authority::bundled(&kept.authority).trim_end()),
        What::Install { trust_seed: false, .. } if args.seed.is_some() => {
            complain(
                &"doorward ca install: whoever knows the seed can be any site to a machine that trusts this \
                       authority; leave out --seed for one that nobody else has, or add --trust-seed in a container",
            );
            return ExitCode::from(2);
        }
        What::Install { dry_run, .. } => return install(&kept, *dry_run),
    }
    ExitCode::SUCCESS
}

fn install(kept: &Kept, dry_run: bool) -> ExitCode {
    let Some(steps) = Steps::of_this_machine(&kept.certificate) else {
        complain(&format!(
            "doorward ca install: this system's trust store is not known here; add {} to it by its own tools",
            kept.certificate.display()
        ));
        return ExitCode::FAILURE;
    };
    for step in &steps.0 {
        if dry_run {
            say(step.join(" "));
        } else if let Err(why) = done(step) {
            complain(&format!("doorward ca install: {why}\nrun these as an administrator:"));
            steps.0.iter().for_each(|step| complain(&format!("  {}", step.join(" "))));
            return ExitCode::FAILURE;
        }
    }
    if !dry_run {
        say(format!("trusted: {}", kept.certificate.display()));
    }
    ExitCode::SUCCESS
}

fn done(step: &[String]) -> Result<(), String> {
    let (program, arguments) = step.split_first().expect("a step is a command");
    match Command::new(program).args(arguments).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} failed ({status})")),
        Err(error) => Err(format!("{program} cannot be run: {error}")),
    }
}

/// The commands that make a system trust a certificate.
struct Steps(Vec<Vec<String>>);

impl Steps {
    fn of_this_machine(certificate: &Path) -> Option<Self> {
        Self::of(certificate, cfg!(target_os = "macos"), |folder| Path::new(folder).is_dir())
    }

    fn of(certificate: &Path, is_macos: bool, has_folder: impl Fn(&str) -> bool) -> Option<Self> {
        let file = certificate.display().to_string();
        let step = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let copied = |folder: &str, name: &str| step(&["install", "-m", "644", &file, &format!("{folder}/{name}")]);
        if is_macos {
            let keychain = "/Library/Keychains/System.keychain";
            return Some(Self(vec![step(&[
                "security",
                "add-trusted-cert",
                "-d",
                "-r",
                "trustRoot",
                "-k",
                keychain,
                &file,
            ])]));
        }
        let debian = "/usr/local/share/ca-certificates";
        if has_folder(debian) {
            return Some(Self(vec![copied(debian, "doorward.crt"), step(&["update-ca-certificates"])]));
        }
        let fedora = "/etc/pki/ca-trust/source/anchors";
        if has_folder(fedora) {
            return Some(Self(vec![copied(fedora, "doorward.pem"), step(&["update-ca-trust", "extract"])]));
        }
        let arch = "/etc/ca-certificates/trust-source/anchors";
        has_folder(arch).then(|| Self(vec![copied(arch, "doorward.crt"), step(&["trust", "extract-compat"])]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_has_its_own_way_to_trust() {
        let steps = |folder: &'static str, is_macos| {
            let steps = Steps::of(Path::new("/ca.pem"), is_macos, |there| there == folder)?;
            Some(steps.0.iter().map(|step| step.join(" ")).collect::<Vec<_>>().join("; "))
        };
        let debian = steps("/usr/local/share/ca-certificates", false).unwrap();
        assert!(debian.ends_with("/ca-certificates/doorward.crt; update-ca-certificates"), "{debian}");
        assert!(steps("/etc/pki/ca-trust/source/anchors", false).unwrap().ends_with("update-ca-trust extract"));
        assert!(steps("", true).unwrap().starts_with("security add-trusted-cert"));
        assert_eq!(steps("/somewhere", false), None);
    }
}
