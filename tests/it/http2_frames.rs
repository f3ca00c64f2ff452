//! Attack catalogue, group E: HTTP/2 written frame by frame. Where the
//! protocol leaves a choice, what is ambiguous is refused.

use crate::support::config::{ALICE, APP};
use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, Outcome, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    fields, frame, integer,
};
use crate::support::world::World;

type Field = (Vec<u8>, Vec<u8>);

fn field(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Field {
    (name.as_ref().to_vec(), value.as_ref().to_vec())
}

/// A request of alice's, with more fields at its end.
struct Asking {
    world: World,
    cookie: String,
}

impl Asking {
    async fn start() -> Asking {
        let world = World::start().await;
        let cookie = format!("CF_Authorization={}", world.token(ALICE, "App").await);
        Asking { world, cookie }
    }

    fn fields(&self, method: &str, path: &[u8], more: &[Field]) -> Vec<Field> {
        let mut all = vec![
            field(":method", method),
            field(":scheme", "http"),
            field(":authority", APP),
            field(":path", path),
            field("cookie", &self.cookie),
        ];
        all.extend_from_slice(more);
        all
    }

    /// Sends these fields and DATA on a connection of their own.
    async fn outcome(&self, all: &[Field], data: &[&[u8]]) -> Outcome {
        let mut frames = Frames::connect(self.world.public()).await;
        frames.request(1, &fields(all), data).await;
        frames.outcome(1).await
    }

    async fn assert_refused(&self, all: &[Field], data: &[&[u8]], what: &str) {
        let outcome = self.outcome(all, data).await;
        assert!(outcome.is_refusal(), "{what}: {outcome:?}");
        self.world.origin.assert_untouched(what);
    }
}

#[tokio::test]
async fn e_01_fields_of_a_connection_have_no_place_in_a_stream() {
    let ask = Asking::start().await;
    let smuggled = b"0\r\n\r\nGET /admin HTTP/1.1\r\nHost: app.localhost\r\n\r\n".as_slice();
    for (name, value) in [
        ("transfer-encoding", "chunked"),
        ("connection", "x"),
        ("connection", "keep-alive"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
        ("upgrade", "websocket"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
    ] {
        let what = format!("{name}: {value}");
        let all = ask.fields("POST", b"/x", &[field(name, value)]);
        ask.assert_refused(&all, &[smuggled], &what).await;
    }
    let all = ask.fields("GET", b"/x", &[field("te", "trailers")]);
    assert_eq!(ask.outcome(&all, &[]).await, Outcome::Answered(200), "what the protocol allows is no harm");
}

#[tokio::test]
async fn e_02_a_length_that_is_not_the_length_of_the_data_is_refused() {
    let ask = Asking::start().await;
    for lengths in [vec!["10"], vec!["1"], vec!["0"], vec!["+3"], vec!["3", "4"], vec!["x"], vec![""]] {
        let what = format!("{lengths:?} with three bytes");
        let more: Vec<Field> = lengths.iter().map(|length| field("content-length", length)).collect();
        let outcome = ask.outcome(&ask.fields("POST", b"/x", &more), &[b"abc"]).await;
        // A length that is too long shows only at the end: the head may have gone on, the request never as whole.
        assert!(outcome.is_refusal(), "{what}: {outcome:?}");
        assert_eq!(ask.world.raw_get("/public/after", &[]).await.status(), 200);
        for seen in ask.world.origin.seen() {
            assert!(seen.head.target() == "/public/after" || !seen.complete, "{what} reached the origin: {seen:#?}");
        }
        ask.world.origin.forget();
    }
    let outcome = ask.outcome(&ask.fields("POST", b"/x", &[field("content-length", "3")]), &[b"abc"]).await;
    assert_eq!(outcome, Outcome::Answered(200));
}

#[tokio::test]
async fn e_03_no_byte_of_a_field_becomes_a_line_of_its_own() {
    let ask = Asking::start().await;
    for (name, value) in [
        ("x", "a\r\nb: c"),
        ("x", "a\nb: c"),
        ("x", "a\rb"),
        ("x", "a\0b"),
        ("x: y\r\nz", "1"),
        ("x y", "1"),
        ("X", "1"),
        ("x:", "1"),
        ("", "1"),
    ] {
        let what = format!("{name:?}: {value:?}");
        ask.assert_refused(&ask.fields("GET", b"/public", &[field(name, value)]), &[], &what).await;
    }
    for (pseudo, value) in [
        (":method", "GET /admin HTTP/1.1"),
        (":method", "GET\r\n"),
        (":path", "/public HTTP/1.1\r\nX: y"),
        (":path", "/public x"),
        (":authority", "app.localhost\r\nX: y"),
        (":scheme", "http\r\n"),
    ] {
        let mut all = ask.fields("GET", b"/public", &[]);
        let place = all.iter_mut().find(|(name, _)| name == pseudo.as_bytes()).unwrap();
        place.1 = value.as_bytes().to_vec();
        ask.assert_refused(&all, &[], &format!("{pseudo}: {value:?}")).await;
    }
}

#[tokio::test]
async fn e_04_a_path_that_is_none_is_refused() {
    let ask = Asking::start().await;
    for path in ["", "*", "admin", "http://none.localhost/admin"] {
        ask.assert_refused(&ask.fields("GET", path.as_bytes(), &[]), &[], path).await;
    }
    // A query alone means the root (RFC 3986 §6.2.3), and is sent on as that.
    let outcome = ask.outcome(&ask.fields("GET", b"?x", &[]), &[]).await;
    if !outcome.is_refusal() {
        assert_eq!((outcome, ask.world.origin.only().head.target()), (Outcome::Answered(200), "/?x"));
        ask.world.origin.forget();
    }
    let mut twice = ask.fields("GET", b"/public", &[]);
    twice.insert(4, field(":path", "/admin"));
    ask.assert_refused(&twice, &[], "two paths").await;
    // As C-05 over HTTP/1: decided as `/admin`, where this token is worth nothing.
    let outcome = ask.outcome(&ask.fields("GET", b"//admin", &[]), &[]).await;
    assert!(matches!(outcome, Outcome::Answered(302 | 400)), "{outcome:?}");
    ask.world.origin.assert_untouched("//admin");
}

#[tokio::test]
async fn e_04_pseudo_fields_come_once_first_and_are_known() {
    let ask = Asking::start().await;
    let base = ask.fields("GET", b"/public", &[]);
    for (name, value) in [
        (":method", "POST"),
        (":authority", "none.localhost"),
        (":scheme", "https"),
        (":status", "200"),
        (":unknown", "1"),
        // RFC 8441: an extended CONNECT that nobody offered.
        (":protocol", "websocket"),
    ] {
        let mut all = base.clone();
        all.insert(4, field(name, value));
        ask.assert_refused(&all, &[], name).await;
    }
    for missing in [":method", ":path", ":scheme"] {
        let all: Vec<Field> = base.iter().filter(|(name, _)| name != missing.as_bytes()).cloned().collect();
        ask.assert_refused(&all, &[], &format!("no {missing}")).await;
    }
    let mut late = base.clone();
    let path = late.remove(3);
    late.push(path);
    ask.assert_refused(&late, &[], "a pseudo-field behind a field").await;
}

#[tokio::test]
async fn b_01_over_http_2_there_is_exactly_one_authority() {
    let ask = Asking::start().await;
    let without: Vec<Field> =
        ask.fields("GET", b"/public", &[]).into_iter().filter(|(name, _)| name != b":authority").collect();
    ask.assert_refused(&without, &[], "no authority and no host").await;
    let mut two = without.clone();
    two.extend([field("host", APP), field("host", APP)]);
    ask.assert_refused(&two, &[], "two hosts").await;
    let named = [without, vec![field("host", APP)]].concat();
    assert_eq!(ask.outcome(&named, &[]).await, Outcome::Answered(200), "a host alone is one authority");
    assert_eq!(ask.world.origin.only().head.field("host"), Some(APP));
    ask.world.origin.forget();
    for authority in ["x@app.localhost", "app.localhost:99999", "app.localhost, b", ""] {
        let mut all = ask.fields("GET", b"/public", &[]);
        all[2] = field(":authority", authority);
        ask.assert_refused(&all, &[], authority).await;
    }
}

#[tokio::test]
async fn c_08_a_fragment_over_http_2_decides_nothing() {
    let ask = Asking::start().await;
    let outcome = ask.outcome(&ask.fields("GET", b"/public#/admin", &[]), &[]).await;
    if outcome == Outcome::Answered(200) {
        assert_eq!(ask.world.origin.only().head.target(), "/public", "what was matched is what is sent");
    } else {
        assert!(outcome.is_refusal(), "{outcome:?}");
        ask.world.origin.assert_untouched("a fragment");
    }
    ask.world.origin.forget();
    let outcome = ask.outcome(&ask.fields("GET", b"/admin#/public", &[]), &[]).await;
    assert!(outcome.is_refusal() || outcome == Outcome::Answered(302), "{outcome:?}");
    ask.world.origin.assert_untouched("a fragment behind /admin");
}

#[tokio::test]
async fn d_09_data_of_a_get_over_http_2_is_a_body_and_no_request() {
    let ask = Asking::start().await;
    let smuggled = b"GET /public/smuggled HTTP/1.1\r\nHost: app.localhost\r\n\r\n".as_slice();
    for method in ["GET", "OPTIONS"] {
        ask.world.origin.forget();
        let outcome = ask.outcome(&ask.fields(method, b"/x", &[]), &[smuggled]).await;
        if outcome.is_refusal() {
            ask.world.origin.assert_untouched(method);
            continue;
        }
        assert_eq!(outcome, Outcome::Answered(200), "{method}");
        let seen = ask.world.origin.only();
        assert_eq!((seen.head.target(), seen.body.as_slice(), seen.complete), ("/x", smuggled, true), "{method}");
    }
}

#[tokio::test]
async fn f_04_a_tunnel_over_http_2_is_not_served() {
    let ask = Asking::start().await;
    let all = [field(":method", "CONNECT"), field(":authority", "app.localhost:443"), field("cookie", &ask.cookie)];
    let outcome = ask.outcome(&all, &[b"GET /admin HTTP/1.1\r\nHost: app.localhost\r\n\r\n"]).await;
    assert!(outcome.is_refusal() || outcome == Outcome::Answered(405), "{outcome:?}");
    ask.world.origin.assert_untouched("a tunnel");
}

/// What a flood does, and that it ends the connection (or costs nothing that anybody else could notice).
async fn assert_survived(ask: &Asking, what: &str, flood: Vec<u8>, before: usize) {
    let mut frames = Frames::connect(ask.world.public()).await;
    frames.send_raw(&flood).await;
    // Somebody else is served meanwhile.
    let other = ask.outcome(&ask.fields("GET", b"/public", &[]), &[]).await;
    assert_eq!(other, Outcome::Answered(200), "{what}: somebody else");
    frames.send(GOAWAY, 0, 0, &[0; 8]).await;
    let code = frames.end().await;
    assert!(code.is_some_and(|code| code != 0), "{what} ends the connection with an error: {code:?}");
    let grown = ask.world.gateway.peak_memory().saturating_sub(before);
    assert!(grown < 20 * 1024, "{what}: {grown} KiB more at the peak");
}

#[tokio::test]
async fn e_07_floods_end_their_own_connection_and_nothing_else() {
    let ask = Asking::start().await;
    let request = fields(&ask.fields("GET", b"/public", &[]));
    assert_eq!(ask.outcome(&ask.fields("GET", b"/public", &[]), &[]).await, Outcome::Answered(200));
    let before = ask.world.gateway.peak_memory();
    let streams = || (0..).map(|number: u32| number * 2 + 1);

    let rapid_reset = streams().take(5000).flat_map(|stream| {
        let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        [frame(HEADERS, END_HEADERS | END_STREAM, stream, &request), reset].concat()
    });
    assert_survived(&ask, "rapid reset", rapid_reset.collect(), before).await;

    let begun = frame(HEADERS, END_STREAM, 1, &request);
    let more = fields(&[("x", "y".repeat(490))]);
    let continued = [begun.clone(), frame(CONTINUATION, 0, 1, &more).repeat(4000)].concat();
    assert_survived(&ask, "CONTINUATION", continued, before).await;
    let nothing = [begun, frame(CONTINUATION, 0, 1, &[]).repeat(20_000)].concat();
    assert_survived(&ask, "empty CONTINUATION", nothing, before).await;

    let post = fields(&ask.fields("POST", b"/public", &[]));
    let empty_data = [frame(HEADERS, END_HEADERS, 1, &post), frame(DATA, 0, 1, &[]).repeat(20_000)].concat();
    assert_survived(&ask, "empty DATA", empty_data, before).await;

    // MadeYouReset: each stream makes the gateway reset it.
    let made_you_reset = streams().take(3000).flat_map(|stream| {
        let nothing = frame(WINDOW_UPDATE, 0, stream, &0_u32.to_be_bytes());
        [frame(HEADERS, END_HEADERS | END_STREAM, stream, &request), nothing].concat()
    });
    assert_survived(&ask, "WINDOW_UPDATE of nothing", made_you_reset.collect(), before).await;

    // One entry of the dynamic table, referred to again and again.
    let mut bomb = request.clone();
    bomb.push(0x40);
    integer(3, 0x7f, 0, &mut bomb);
    bomb.extend_from_slice(b"x-b");
    integer(3900, 0x7f, 0, &mut bomb);
    bomb.extend(std::iter::repeat_n(b'b', 3900));
    bomb.extend(std::iter::repeat_n(0x80 | 62, 12_000));
    assert!(bomb.len() < 16 * 1024 * 2);
    let (first, second) = bomb.split_at(16_000);
    let bomb = [frame(HEADERS, END_STREAM, 1, first), frame(CONTINUATION, END_HEADERS, 1, second)].concat();
    let mut frames = Frames::connect(ask.world.public()).await;
    frames.send_raw(&bomb).await;
    let outcome = frames.outcome(1).await;
    assert!(outcome.is_refusal(), "HPACK bomb: {outcome:?}");
    let grown = ask.world.gateway.peak_memory().saturating_sub(before);
    assert!(grown < 20 * 1024, "HPACK bomb: {grown} KiB more at the peak");
}

/// What RFC 9113 calls a connection error, of the kinds that `h2spec` asks about.
#[tokio::test]
async fn e_07_frames_that_break_the_protocol_end_the_connection() {
    let ask = Asking::start().await;
    let request = fields(&ask.fields("GET", b"/public", &[]));
    let whole = frame(HEADERS, END_HEADERS | END_STREAM, 1, &request);
    for (what, bytes) in [
        ("DATA on no stream", frame(DATA, 0, 0, b"x")),
        ("HEADERS on no stream", frame(HEADERS, END_HEADERS, 0, &request)),
        ("an even stream of the client", frame(HEADERS, END_HEADERS | END_STREAM, 2, &request)),
        ("DATA on an idle stream", frame(DATA, 0, 5, b"x")),
        ("RST_STREAM on an idle stream", frame(RST_STREAM, 0, 5, &[0; 4])),
        ("RST_STREAM of three bytes", [whole.clone(), frame(RST_STREAM, 0, 1, &[0; 3])].concat()),
        ("SETTINGS on a stream", frame(SETTINGS, 0, 1, &[])),
        ("SETTINGS of five bytes", frame(SETTINGS, 0, 0, &[0; 5])),
        ("SETTINGS with ENABLE_PUSH 2", frame(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 2])),
        ("SETTINGS with a window too large", frame(SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff])),
        ("SETTINGS with a frame size too small", frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 1])),
        ("PING of seven bytes", frame(0x6, 0, 0, &[0; 7])),
        ("PING on a stream", frame(0x6, 0, 1, &[0; 8])),
        ("PUSH_PROMISE of a client", frame(0x5, END_HEADERS, 1, &[0, 0, 0, 2])),
        ("CONTINUATION of nothing", frame(CONTINUATION, END_HEADERS, 1, &request)),
        ("WINDOW_UPDATE of nothing for all", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        ("a window beyond its end", frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]).repeat(2)),
        ("padding longer than its frame", frame(DATA | HEADERS, END_HEADERS | 0x8, 1, &[200, 0, 0])),
        ("a frame between HEADERS and CONTINUATION", {
            [frame(HEADERS, END_STREAM, 1, &request), frame(0x6, 0, 0, &[0; 8])].concat()
        }),
        ("a stream that depends on itself in its number's place", frame(HEADERS, END_HEADERS | 0x20, 1, &[0; 3])),
        ("a frame longer than was agreed", frame(DATA, 0, 1, &[0; 16_385 * 2])),
        ("a field that no table has", frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff, 0x80, 0x01])),
        ("a stream number that goes back", {
            let third = frame(HEADERS, END_HEADERS | END_STREAM, 3, &request);
            [third, whole.clone()].concat()
        }),
        ("trailers that do not end the stream", {
            let post = fields(&ask.fields("POST", b"/public", &[]));
            let trailers = frame(HEADERS, END_HEADERS, 1, &fields(&[("x", "y")]));
            [frame(HEADERS, END_HEADERS, 1, &post), trailers].concat()
        }),
    ] {
        let mut frames = Frames::connect(ask.world.public()).await;
        frames.send_raw(&bytes).await;
        let mut ended = None;
        while let Some(frame) = frames.next().await {
            if frame.kind == GOAWAY || frame.kind == RST_STREAM {
                let code = frame.payload[frame.payload.len() - 4..].try_into().map(u32::from_be_bytes);
                ended = ended.or(code.ok());
                if frame.kind == RST_STREAM {
                    break;
                }
            }
        }
        assert!(ended.is_some_and(|code| code != 0), "{what} is answered with an error: {ended:?}");
    }
    assert_eq!(ask.outcome(&ask.fields("GET", b"/public", &[]), &[]).await, Outcome::Answered(200));
}

#[tokio::test]
async fn e_10_half_a_preface_is_neither_protocol_and_reaches_nobody() {
    let ask = Asking::start().await;
    let request = format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n");
    for preface in [
        "PRI * HTTP/2.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        "PRI * HTTP/1.1\r\nHost: app.localhost\r\n\r\n",
        "pri * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let reply = crate::support::raw::exchange(ask.world.public(), format!("{preface}{request}")).await;
        assert!(reply.is_none_or(|reply| matches!(reply.status(), 400 | 405 | 505)), "{preface:?}");
        ask.world.origin.assert_untouched(preface);
    }
    // A whole one begins HTTP/2, with every policy in force.
    let outcome = ask.outcome(&ask.fields("GET", b"/admin", &[]), &[]).await;
    assert_eq!(outcome, Outcome::Answered(302));
    ask.world.origin.assert_untouched("HTTP/2 in the clear");
}
