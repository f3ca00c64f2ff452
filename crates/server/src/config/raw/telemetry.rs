//! `[telemetry]`: who collects traces.

use url::Url;

use super::super::document::Table;
use super::super::resolved::TelemetrySettings;
use super::web_url;

pub(super) fn telemetry(table: Table<'_>) -> TelemetrySettings {
    let settings = TelemetrySettings {
        otlp_endpoint: table.read("otlp_endpoint", collector).map(|at| at.value),
        sample_ratio: table.share("sample_ratio").map(|at| at.value),
        service_name: table.has("service_name").then(|| table.needed("service_name")).flatten().map(|at| at.value),
    };
    if settings.otlp_endpoint.is_none() && !table.has("otlp_endpoint") {
        table
            .findings()
            .warning(table.line, "[telemetry] does nothing without otlp_endpoint; add it, or remove the table");
    }
    table.close();
    settings
}

fn collector(text: &str) -> Result<Url, String> {
    let url = web_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("\"{text}\" has more than a path; write it like http://127.0.0.1:4318"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn read(lines: &str) -> Result<TelemetrySettings, String> {
        let text = format!("mode = \"emulator\"\n[[user]]\nemail = \"a@b.test\"\n[telemetry]\n{lines}");
        parse(&text, "f.toml", &|_| None).map(|config| config.telemetry).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_collector_and_a_share_are_read() {
        let read =
            read("otlp_endpoint = \"http://127.0.0.1:4318\"\nsample_ratio = 0.25\nservice_name = \"gate\"").unwrap();
        assert_eq!(read.otlp_endpoint.unwrap().as_str(), "http://127.0.0.1:4318/");
        assert_eq!((read.sample_ratio, read.service_name.as_deref()), (Some(0.25), Some("gate")));
    }

    #[test]
    fn what_is_no_collector_or_share_is_refused_with_the_mend() {
        assert!(read("otlp_endpoint = \"127.0.0.1:4318\"").unwrap_err().contains("f.toml:5: otlp_endpoint: "));
        for wrong in ["1.5", "-0.1", "nan", "\"half\""] {
            let refused = read(&format!("otlp_endpoint = \"http://c:4318\"\nsample_ratio = {wrong}")).unwrap_err();
            assert!(refused.starts_with("f.toml:6: sample_ratio") && refused.contains("0"), "{refused}");
        }
    }
}
