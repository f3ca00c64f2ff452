//! Mail to people, through the operator's SMTP server. Whoever has something
//! to tell hands it over and goes on; sending, and trying again where the
//! server is away, is done here. What is said and to whom is others' business.

use std::sync::Arc;
use std::time::Duration;

use doorward_model::letter::Letter;
use doorward_model::secret::Secret;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use tokio::sync::{Semaphore, watch};

/// How long one attempt may take.
const LIMIT: Duration = Duration::from_secs(20);
/// How long is waited before a letter is tried again. After that it is given up:
/// what it asks for is on a page, too.
const PAUSES: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];
/// Letters under way at once; what comes beyond is not sent.
const MOST_UNDER_WAY: u32 = 1000;
/// Connections to the server at once.
const MOST_CONNECTIONS: usize = 4;

/// Where mail is handed in, and in whose name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub host: String,
    /// None: the usual one of the encryption.
    pub port: Option<u16>,
    pub encryption: Encryption,
    pub credentials: Option<(String, Secret)>,
    /// An address, or a name with one: `Doorward <noreply@example.com>`.
    pub from: String,
}

/// How the way to the server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Begun in the clear; nothing is said before it is protected.
    #[default]
    StartTls,
    /// From the first byte.
    Tls,
    /// Not at all: for a server on this machine.
    None,
}

impl Encryption {
    const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// Why mail cannot be sent with these settings.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    #[error("\"{0}\" is no sender; write an address, or Doorward <noreply@example.com>")]
    From(String),
    #[error("\"{host}\" cannot be the name of a mail server: {why}")]
    Host { host: String, why: String },
}

/// Whether somebody can be the sender.
///
/// # Errors
/// When it is neither an address nor a name with one.
pub fn check_sender(text: &str) -> Result<(), InvalidSettings> {
    sender(text).map(|_| ())
}

fn sender(text: &str) -> Result<Mailbox, InvalidSettings> {
    text.parse().map_err(|_| InvalidSettings::From(text.to_owned()))
}

/// The way to the server. Clones share it.
#[derive(Clone)]
pub struct Smtp(Arc<Inner>);

struct Inner {
    from: Mailbox,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    under_way: Arc<Semaphore>,
    connections: Semaphore,
    /// The process is about to end: there is time for one more attempt.
    ending: watch::Sender<bool>,
    pauses: [Duration; PAUSES.len()],
}

impl Smtp {
    /// Makes ready what can be made ready; the server is not called yet.
    ///
    /// # Errors
    /// When the settings cannot be worked with.
    pub fn new(settings: &Settings) -> Result<Self, InvalidSettings> {
        Self::with(settings, PAUSES)
    }

    fn with(settings: &Settings, pauses: [Duration; PAUSES.len()]) -> Result<Self, InvalidSettings> {
        let host = &settings.host;
        let parameters = || {
            TlsParameters::new(host.clone())
                .map_err(|error| InvalidSettings::Host { host: host.clone(), why: error.to_string() })
        };
        let tls = match settings.encryption {
            Encryption::StartTls => Tls::Required(parameters()?),
            Encryption::Tls => Tls::Wrapper(parameters()?),
            Encryption::None => Tls::None,
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(settings.port.unwrap_or_else(|| settings.encryption.port()))
            .tls(tls)
            .timeout(Some(LIMIT));
        let transport = match &settings.credentials {
            Some((name, password)) => {
                builder.credentials(Credentials::new(name.clone(), password.expose().to_owned())).build()
            }
            None => builder.build(),
        };
        Ok(Self(Arc::new(Inner {
            from: sender(&settings.from)?,
            transport,
            under_way: Arc::new(Semaphore::new(MOST_UNDER_WAY as usize)),
            connections: Semaphore::new(MOST_CONNECTIONS),
            ending: watch::Sender::new(false),
            pauses,
        })))
    }

    /// Sends a letter, at some time, if it can be sent. Returns at once; to be
    /// called on a runtime.
    pub fn post(&self, letter: Letter) {
        let Ok(place) = Arc::clone(&self.0.under_way).try_acquire_owned() else {
            tracing::error!(to = %letter.to, "a mail was not sent: {MOST_UNDER_WAY} others are under way");
            return;
        };
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            inner.send(letter).await;
            drop(place);
        });
    }

    /// Lets the letters under way be sent, for as long as the limit. Those that
    /// wait to be tried again are tried now, for the last time. Gives how many
    /// are lost.
    pub async fn drain(&self, limit: Duration) -> usize {
        self.0.ending.send_replace(true);
        let all = tokio::time::timeout(limit, self.0.under_way.acquire_many(MOST_UNDER_WAY)).await;
        match all {
            Ok(_) => 0,
            Err(_) => MOST_UNDER_WAY as usize - self.0.under_way.available_permits(),
        }
    }
}

impl Inner {
    async fn send(&self, letter: Letter) {
        let to = letter.to.clone();
        let message = match self.message(letter) {
            Ok(message) => message,
            Err(error) => return tracing::error!(%to, %error, "a mail could not be written"),
        };
        let mut ending = self.ending.subscribe();
        for pause in self.pauses.into_iter().map(Some).chain([None]) {
            let last = *ending.borrow();
            let sent = match self.connections.acquire().await {
                Ok(_connection) => self.transport.send(message.clone()).await,
                Err(_closed) => return,
            };
            match (sent, pause) {
                (Ok(_), _) => return tracing::info!(%to, "a mail was sent"),
                // What the server refuses for good, it will refuse once more.
                (Err(error), Some(pause)) if !error.is_permanent() && !last => {
                    tracing::warn!(%to, %error, "a mail was not sent; it is tried again in {pause:?}");
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        _ = ending.wait_for(|ending| *ending) => {}
                    }
                }
                (Err(error), _) => return tracing::error!(%to, %error, "a mail was not sent; look at [smtp]"),
            }
        }
    }

    fn message(&self, letter: Letter) -> Result<Message, String> {
        let to = Mailbox::new(None, letter.to.as_str().parse().map_err(|error| format!("{error}"))?);
        // A line of somebody else's must never become one of the head.
        let subject: String = letter.subject.chars().filter(|c| !c.is_control()).collect();
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text)
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests;
