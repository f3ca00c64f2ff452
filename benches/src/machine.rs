//! What the figures were measured on, as far as it matters to whoever compares.

use std::fs;

/// Cores that this program may use, in their order.
pub(crate) fn cores() -> Vec<usize> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or("0").trim();
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        first.parse().unwrap_or(0)..=last.parse().unwrap_or(0)
    };
    list.split(',').flat_map(range).collect()
}

/// One line: cores, processor, memory, kernel, system.
pub(crate) fn line() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map_or("unknown", |(_, value)| value.trim()).to_owned()
    };
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = memory.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.trim().split('-').next().unwrap_or_default().to_owned();
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system =
        system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown").trim_matches('"');
    let virtual_machine = if field("flags").contains(" hypervisor") { "a virtual machine with " } else { "" };
    format!(
        "{virtual_machine}{} cores of {} at {} MHz, {} GiB of memory, Linux {kernel}, {system}",
        cores().len(),
        field("model name"),
        field("cpu MHz").split('.').next().unwrap_or_default(),
        kib.div_ceil(1024 * 1024),
    )
}

/// How busy the machine is with other things: the load of the last minute.
pub(crate) fn busy() -> f64 {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}
