//! Against a small server that says what it is told to.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

/// A server that answers the end of each letter in turn with one of these
/// lines, and gives the letters that it was sent.
async fn server(answers: &'static [&'static str]) -> (Settings, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut answers = answers.iter();
        while let Ok((stream, _)) = listener.accept().await {
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(b"220 mail.test\r\n").await.unwrap();
            let mut letter: Option<String> = None;
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = match (&mut letter, line.as_str()) {
                    (Some(text), ".") => {
                        let _ = told.send(std::mem::take(text));
                        letter = None;
                        *answers.next().unwrap_or(&"250 taken")
                    }
                    (Some(text), line) => {
                        text.push_str(line);
                        text.push('\n');
                        continue;
                    }
                    (None, "DATA") => {
                        letter = Some(String::new());
                        "354 go on"
                    }
                    (None, "QUIT") => "221 bye",
                    (None, _) => "250 ok",
                };
                if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    let settings = Settings {
        host: "127.0.0.1".into(),
        port: Some(port),
        encryption: Encryption::None,
        credentials: None,
        from: "Doorward <noreply@corp.test>".into(),
    };
    (settings, heard)
}

fn smtp(settings: &Settings) -> Smtp {
    Smtp::with(settings, [Duration::ZERO; 3]).unwrap()
}

fn letter() -> Letter {
    Letter {
        to: "root@corp.test".parse().unwrap(),
        subject: "Somebody asks\r\nBcc: mallory@evil.test".into(),
        text: "First line\n.\nafter the dot".into(),
    }
}

#[tokio::test]
async fn a_letter_arrives_whole_and_its_subject_is_no_more_than_that() {
    let (settings, mut heard) = server(&[]).await;
    smtp(&settings).post(letter());
    let text = heard.recv().await.unwrap();
    let (head, body) = text.split_once("\n\n").unwrap();
    assert!(head.contains("From: Doorward <noreply@corp.test>") && head.contains("To: root@corp.test"), "{head}");
    assert!(head.contains("Date: "), "{head}");
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    assert!(body.contains("First line") && body.contains("after the dot"), "{body}");
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    let (settings, mut heard) = server(&["451 later", "250 taken"]).await;
    smtp(&settings).post(letter());
    assert!(heard.recv().await.is_some() && heard.recv().await.is_some(), "it is sent twice");

    let (settings, mut heard) = server(&["550 never"]).await;
    let refused = smtp(&settings);
    refused.0.send(letter()).await;
    assert!(heard.recv().await.is_some());
    assert!(heard.try_recv().is_err(), "a refusal for good is one");
}

#[tokio::test]
async fn letters_under_way_are_sent_before_the_end_and_those_that_wait_are_tried_once_more() {
    let (settings, mut heard) = server(&["451 later", "250 taken"]).await;
    let busy = Smtp::with(&settings, [Duration::from_secs(3600); 3]).unwrap();
    busy.post(letter());
    assert!(heard.recv().await.is_some(), "the first attempt");
    assert_eq!(busy.drain(Duration::from_secs(30)).await, 0);
    assert!(heard.try_recv().is_ok(), "the second was made before the end");

    let (settings, mut heard) = server(&["451 later", "451 later", "250 taken"]).await;
    let refusing = Smtp::with(&settings, [Duration::from_secs(3600); 3]).unwrap();
    refusing.post(letter());
    assert!(heard.recv().await.is_some());
    assert_eq!(refusing.drain(Duration::from_secs(30)).await, 0);
    assert!(heard.try_recv().is_ok() && heard.try_recv().is_err(), "there is no third");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings { port: Some(silent.local_addr().unwrap().port()), ..settings };
    let stuck = Smtp::with(&settings, [Duration::ZERO; 3]).unwrap();
    stuck.post(letter());
    assert_eq!(stuck.drain(Duration::from_millis(50)).await, 1, "whoever says nothing does not hold up the end");
}

#[tokio::test]
async fn a_letter_that_cannot_be_sent_is_given_up() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let settings = Settings { port: Some(closed), ..server(&[]).await.0 };
    let away = smtp(&settings);
    away.0.send(letter()).await;
}

#[test]
fn a_sender_is_an_address_or_a_name_with_one() {
    for good in ["noreply@corp.test", "Doorward <noreply@corp.test>"] {
        check_sender(good).unwrap();
    }
    for wrong in ["", "Doorward", "noreply@", "a@b.test\r\nBcc: c@d.test"] {
        assert!(check_sender(wrong).is_err(), "{wrong:?}");
    }
}
