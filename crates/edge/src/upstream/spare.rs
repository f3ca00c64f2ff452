//! A second copy of a request that may be sent twice: a safe method and no
//! body. It is made for nearly every request and hardly ever needed, so its
//! header fields are kept as bytes, which costs a fraction of a second map.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Uri};
use http_body::Body as _;

use crate::upstream::upload::Upload;

/// Room for what browsers send, so that it is asked for once.
const USUAL: usize = 2048;

pub(crate) struct Spare {
    method: Method,
    uri: Uri,
    /// Names and values, one after the other.
    text: Vec<u8>,
    /// How long each name and its value are.
    lengths: Vec<(u16, u32)>,
}

impl Spare {
    /// `None` where sending it twice could do harm (RFC 9110 §9.2.2).
    pub(crate) fn of(request: &Request<Upload>) -> Option<Self> {
        let harmless = matches!(*request.method(), Method::GET | Method::HEAD) && request.body().is_end_stream();
        if !harmless {
            return None;
        }
        let mut text = Vec::with_capacity(USUAL);
        let mut lengths = Vec::with_capacity(request.headers().len());
        for (name, value) in request.headers() {
            let length = (u16::try_from(name.as_str().len()).ok()?, u32::try_from(value.len()).ok()?);
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(value.as_bytes());
            lengths.push(length);
        }
        Some(Self { method: request.method().clone(), uri: request.uri().clone(), text, lengths })
    }

    /// The same request once more.
    pub(crate) fn request(self) -> Option<Request<Upload>> {
        let mut headers = HeaderMap::with_capacity(self.lengths.len());
        let mut rest = self.text.as_slice();
        for (name, value) in self.lengths {
            let (name, after) = rest.split_at_checked(usize::from(name))?;
            let (value, after) = after.split_at_checked(usize::try_from(value).ok()?)?;
            headers.append(HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?);
            rest = after;
        }
        let mut request = Request::new(Upload::Nothing);
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (self.method, self.uri, headers);
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method) -> Request<Upload> {
        let request = Request::builder().method(method).uri("/page?tab=1").header("host", "wiki.test");
        let request = request.header("cookie", &b"name=M\xfcller"[..]).header("x-two", "1").header("x-two", "");
        request.body(Upload::Nothing).unwrap()
    }

    #[test]
    fn a_spare_request_is_the_same_request() {
        let (first, second) = (request(Method::GET), Spare::of(&request(Method::GET)).unwrap().request().unwrap());
        assert_eq!((first.method(), first.uri()), (second.method(), second.uri()));
        assert_eq!(first.headers(), second.headers());
        assert_eq!(second.headers().get_all("x-two").iter().collect::<Vec<_>>(), ["1", ""]);
    }

    #[test]
    fn what_may_do_harm_twice_has_no_spare() {
        assert!(Spare::of(&request(Method::HEAD)).is_some());
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            assert!(Spare::of(&request(method)).is_none());
        }
    }
}
