//! OpenSSH's own programs, each with files of its own and nobody's settings.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures_util::{SinkExt as _, StreamExt as _};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::deadline::in_time;

/// Where Debian has the server, which is on nobody's PATH.
const SSHD: &str = "/usr/sbin/sshd";

/// Nobody's settings, keys or known hosts, and no questions.
pub(crate) const OPTIONS: [&str; 9] = [
    "-F",
    "none",
    "-oBatchMode=yes",
    "-oIdentitiesOnly=yes",
    "-oIdentityAgent=none",
    "-oStrictHostKeyChecking=no",
    "-oUserKnownHostsFile=/dev/null",
    "-oLogLevel=ERROR",
    "-oPreferredAuthentications=publickey",
];

/// A key pair as `cloudflared access ssh-gen` makes it, in a folder of its own.
pub(crate) struct Key {
    folder: TempDir,
}

impl Key {
    pub(crate) async fn generate() -> Key {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let arguments = ["-q", "-t", "ecdsa", "-b", "256", "-N", "", "-C", "", "-f"];
        run(Command::new("ssh-keygen").args(arguments).arg(path)).await.expect("ssh-keygen makes a key");
        Key { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// The line of the public half.
    pub(crate) fn public(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("key.pub")).expect("the public half")
    }

    /// Puts a certificate beside the key, where programs look for it.
    pub(crate) fn certified(&self, certificate: &str) {
        std::fs::write(self.folder.path().join("key-cert.pub"), certificate).expect("the folder is ours");
    }

    /// What `ssh-keygen` reads in the certificate.
    pub(crate) async fn shown(&self) -> String {
        let path = self.folder.path().join("key-cert.pub");
        run(Command::new("ssh-keygen").arg("-L").arg("-f").arg(path)).await.expect("ssh-keygen reads it")
    }

    /// What a command says at the server that is reached at this address, or why it does not run.
    pub(crate) async fn run_at(&self, server: SocketAddr, user: &str, command: &str) -> Result<String, String> {
        let port = server.port().to_string();
        let mut ssh = Command::new("ssh");
        ssh.args(OPTIONS).arg("-i").arg(self.path()).args(["-p", &port, "-l", user, "127.0.0.1", command]);
        run(&mut ssh).await
    }
}

/// Who runs the tests: the one user whom a server of ours can let in.
pub(crate) async fn myself() -> String {
    run(Command::new("id").arg("-un")).await.expect("everybody has a name").trim().to_owned()
}

async fn run(command: &mut Command) -> Result<String, String> {
    command.kill_on_drop(true).stdin(Stdio::null());
    let output = in_time("the program ends", command.output()).await;
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}; scripts/test --deps installs OpenSSH"));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// OpenSSH's server, which trusts an authority and nothing else.
pub(crate) struct Sshd {
    _files: TempDir,
    _tasks: JoinSet<()>,
}

impl Sshd {
    /// At a port that was chosen before there was an authority to trust.
    pub(crate) async fn at(listener: TcpListener, authority: &str) -> Sshd {
        let files = tempfile::tempdir().expect("a folder");
        let host_key = files.path().join("host");
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&host_key))
            .await
            .expect("a key");
        let trusted = files.path().join("trusted");
        std::fs::write(&trusted, authority).expect("the folder is ours");
        let settings = format!(
            "HostKey {}\nTrustedUserCAKeys {}\nAuthorizedKeysFile none\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nUsePAM no\nStrictModes no\nPidFile none\n",
            host_key.display(),
            trusted.display()
        );
        let file = files.path().join("sshd_config");
        std::fs::write(&file, settings).expect("the folder is ours");
        // The package's service makes it when it starts; only root has a use for it.
        let _not_root = std::fs::create_dir_all("/run/sshd");
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, file));
        Sshd { _files: files, _tasks: tasks }
    }
}

/// One process for each connection, which it is handed: no port is guessed.
async fn serve(listener: TcpListener, settings: PathBuf) {
    let mut processes = Vec::new();
    while let Ok((stream, _)) = listener.accept().await {
        let stream = stream.into_std().expect("a socket");
        stream.set_nonblocking(false).expect("a socket");
        let other = stream.try_clone().expect("a socket");
        let mut command = Command::new(Path::new(SSHD));
        command.arg("-i").arg("-f").arg(&settings).kill_on_drop(true);
        command.stdin(OwnedFd::from(stream)).stdout(OwnedFd::from(other)).stderr(Stdio::null());
        processes
            .push(command.spawn().unwrap_or_else(|error| panic!("{SSHD}: {error}; scripts/test --deps installs it")));
    }
}

/// What `cloudflared access tcp --url` is: a port of this machine, behind
/// which each connection goes to a host of the gateway in a WebSocket.
pub(crate) struct Forward {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Forward {
    pub(crate) async fn to(gateway: SocketAddr, host: &str, token: &str) -> Forward {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let mut request = format!("ws://{host}:{}/", gateway.port()).into_client_request().expect("a URL");
        request.headers_mut().insert("Cf-Access-Token", token.parse().expect("a token"));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((local, _)) = listener.accept().await {
                let stream = TcpStream::connect(gateway).await.expect("the gateway accepts");
                let (socket, _) =
                    client_async(request.clone(), stream).await.expect("the handshake is answered with 101");
                connections.spawn(join(local, socket));
            }
        });
        Forward { address, _tasks: tasks }
    }
}

async fn join(local: TcpStream, socket: crate::websocket::Socket) {
    let (mut to, mut from) = socket.split();
    let (mut read, mut write) = local.into_split();
    let up = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = read.read(&mut buffer).await {
            if to.send(Message::binary(buffer[..length].to_vec())).await.is_err() {
                break;
            }
        }
    };
    let down = async {
        while let Some(Ok(message)) = from.next().await {
            if message.is_binary() && write.write_all(&message.into_data()).await.is_err() {
                break;
            }
        }
    };
    tokio::select! { () = up => {} () = down => {} }
}
