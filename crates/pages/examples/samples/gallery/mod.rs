//! Every page in its ordinary states and in its ugly ones.

mod asking;
mod demo;
mod launcher;
mod people;
mod said;
pub(crate) mod sign_in;

const HOSTILE: &str = "<img src=x onerror=alert(1)>'\"</script></style>";
const SIXTY_LETTERS: &str = "Grundstuecksverkehrsgenehmigungszustaendigkeitsuebertragung";
/// Names that are read from right to left, beside what is not.
const HEBREW: &str = "יעל כהן (QA)";
const ARABIC: &str = "بوابة الموظفين 2";
const RAY: &str = "8f2b6c1d9e4a7035";
const AUD: &str = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2";
const LOGO: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='150' height='40'%3E%3Ccircle cx='20' cy='20' r='18' fill='%23c2552d'/%3E%3Crect x='50' y='12' width='96' height='16' rx='8' fill='%23888'/%3E%3C/svg%3E";

/// All of them, by name.
pub(crate) fn samples() -> Vec<(&'static str, String)> {
    [
        sign_in::sign_in(),
        people::people(),
        said::refusals(),
        said::notices(),
        demo::demo(),
        asking::questions(),
        launcher::launcher(),
        launcher::landing(),
        asking::approvals(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
